package azure

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/dossier-go/dossier"
)

// place is where a container is.
type place struct {
	base      string // the URL of the container without its query, and without a slash at the end
	account   string
	container string
	sas       url.Values // of the client's own URL: a shared access signature, or nothing
	store     string     // identity, for dossier.Description.Store
}

// cloudSuffix begins what follows the account in the host names of the cloud's own endpoints.
const cloudSuffix = ".blob.core."

// placeOf reads the URL of a container: https://ACCOUNT.blob.core.windows.net/CONTAINER, or
// http://host:port/ACCOUNT/CONTAINER as emulators have it, or https://own.domain/CONTAINER.
func placeOf(rawURL string) (place, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return place{}, fmt.Errorf("%w: the URL of the container is malformed", dossier.ErrInvalid)
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	p := place{container: segments[len(segments)-1], sas: u.Query()}
	u.RawQuery, u.Fragment = "", ""
	p.base = strings.TrimSuffix(u.String(), "/")
	account, rest, _ := strings.Cut(u.Hostname(), ".")
	switch {
	case p.container == "" || len(segments) > 2:
		return place{}, fmt.Errorf("%w: the client is not that of a container", dossier.ErrInvalid)
	case len(segments) == 2:
		p.account = segments[0]
		p.store = scheme + ":" + p.base
	case strings.HasPrefix("."+rest, cloudSuffix):
		p.account = strings.TrimSuffix(account, "-secondary")
		p.store = scheme + ":" + p.account + "/" + p.container
	default:
		p.account = account
		p.store = scheme + ":" + p.base
	}
	return p, nil
}

// url returns the URL of an object without a query. The slashes of the key stay slashes.
func (p place) url(key string) string {
	var b strings.Builder
	b.WriteString(p.base)
	for segment := range strings.SplitSeq(key, "/") {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(segment))
	}
	return b.String()
}
