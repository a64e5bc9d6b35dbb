package azure

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

// byteOrder turns a listing in the order of UTF-16 code units, or of bytes, into one in the order of bytes. The two orders
// differ in one thing: in UTF-16 characters beyond U+FFFF, whose code units are surrogates, come before those from U+E000
// to U+FFFF. So a key with such a character is held back until no key follows that begins like it up to there.
type byteOrder struct {
	held []heldKeys // each prefix begins the next one's
}

// heldKeys are keys that begin with prefix and go on with a character beyond U+FFFF.
type heldKeys struct {
	prefix string
	infos  []dossier.Info
}

// next takes the next entry of the server and emits what is due; it reports whether to go on.
func (o *byteOrder) next(info dossier.Info, emit func(dossier.Info) bool) bool {
	for len(o.held) > 0 && !strings.HasPrefix(info.Key, o.held[len(o.held)-1].prefix) {
		if !o.release(emit) {
			return false
		}
	}
	at := strings.IndexFunc(info.Key, func(r rune) bool { return r > 0xFFFF })
	if at < 0 {
		return emit(info)
	}
	prefix := info.Key[:at]
	if top := len(o.held) - 1; top >= 0 && o.held[top].prefix == prefix {
		o.held[top].infos = append(o.held[top].infos, info)
		return true
	}
	o.held = append(o.held, heldKeys{prefix, []dossier.Info{info}})
	return true
}

// release emits the keys that were held back last.
func (o *byteOrder) release(emit func(dossier.Info) bool) bool {
	top := len(o.held) - 1
	infos := o.held[top].infos
	o.held = o.held[:top]
	slices.SortFunc(infos, func(a, b dossier.Info) int { return cmp.Compare(a.Key, b.Key) })
	for _, info := range infos {
		if !emit(info) {
			return false
		}
	}
	return true
}

// finish emits what is left.
func (o *byteOrder) finish(emit func(dossier.Info) bool) {
	for len(o.held) > 0 {
		if !o.release(emit) {
			return
		}
	}
}
