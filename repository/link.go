package repository

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// CursorParameter is the query parameter that carries the cursor of keyset pages in links.
const CursorParameter = "cursor"

// pageParameter is the number of an offset page.
const pageParameter = "currentPage"

// SetLinks sets the header field Link (RFC 8288) to the first, the next and the previous page, those that there are: this
// address, with all of its parameters, and another cursor. this is the address that the client asked for; of a server's
// request r.URL does, whose links are relative.
func (p KeysetPage[T]) SetLinks(header http.Header, this *url.URL) {
	links := []string{link(this, CursorParameter, "", "first")}
	if p.Next != "" {
		links = append(links, link(this, CursorParameter, p.Next, "next"))
	}
	if p.Previous != "" {
		links = append(links, link(this, CursorParameter, p.Previous, "prev"))
	}
	header.Set("Link", strings.Join(links, ", "))
}

// SetLinks sets the header fields Link (RFC 8288), to the first, the next and the previous page, those that there are, and
// X-Total-Count. this is the address that the client asked for; the links differ from it in currentPage; an offset that is
// no whole number of pages is rounded to the page that it is on.
func (p Page[T]) SetLinks(header http.Header, this *url.URL) {
	SetTotalCount(header, p.Total)
	links := []string{link(this, pageParameter, "", "first")}
	if p.Limit > 0 {
		before := p.Offset / p.Limit // full pages before this one
		last := max(1, int((p.Total+int64(p.Limit)-1)/int64(p.Limit)))
		if before < last-1 {
			links = append(links, link(this, pageParameter, strconv.Itoa(before+2), "next"))
		}
		if before > 0 {
			links = append(links, link(this, pageParameter, strconv.Itoa(min(before, last)), "prev"))
		}
	}
	header.Set("Link", strings.Join(links, ", "))
}

// SetTotalCount sets the header field X-Total-Count.
func SetTotalCount(header http.Header, total int64) {
	header.Set("X-Total-Count", strconv.FormatInt(total, 10))
}

// link is this address with another value of a parameter, or without it.
func link(this *url.URL, parameter, value, relation string) string {
	address := *this
	query := address.Query()
	query.Del(parameter)
	if value != "" {
		query.Set(parameter, value)
	}
	address.RawQuery, address.Fragment, address.RawFragment, address.User = query.Encode(), "", "", nil
	text := address.String()
	if strings.HasPrefix(text, "//") && address.Host == "" {
		text = "/." + text // a path, which without the dot would be the name of another host (RFC 3986, section 4.2)
	}
	text = strings.NewReplacer("<", "%3C", ">", "%3E").Replace(text)
	return "<" + text + `>; rel="` + relation + `"`
}
