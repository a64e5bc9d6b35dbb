package gcs

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/dossier-go/dossier"
)

// base is where a store is reached.
type base struct{ scheme, host string }

// cloudBase is Google's.
var cloudBase = base{"https", "storage.googleapis.com"}

func (b base) String() string { return b.scheme + "://" + b.host }

// parseBase reads an endpoint; "" is Google's.
func parseBase(endpoint string) (base, error) {
	if endpoint == "" {
		return cloudBase, nil
	}
	u, err := url.Parse(endpoint)
	malformed := fmt.Errorf("%w: the endpoint must be scheme and host, such as %v", dossier.ErrInvalid, cloudBase)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", strings.Trim(u.Path, "/") != "":
		return base{}, malformed
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return base{}, malformed
	}
	return base{u.Scheme, u.Host}, nil
}

// PublicURL implements [dossier.PublicURLer] for buckets with Config.PublicURL.
func (b *Backend) PublicURL(key string) (string, error) {
	if err := dossier.CheckKey(key); err != nil {
		return "", fail("public URL", key, err)
	}
	if b.cfg.PublicURL == "" {
		return "", fail("public URL", key, fmt.Errorf("%w: Config.PublicURL is not set; sign a URL", errors.ErrUnsupported))
	}
	segments := strings.Split(key, "/")
	for i, segment := range segments {
		segments[i] = strings.ReplaceAll(url.QueryEscape(segment), "+", "%20")
	}
	return strings.TrimSuffix(b.cfg.PublicURL, "/") + "/" + strings.Join(segments, "/"), nil
}
