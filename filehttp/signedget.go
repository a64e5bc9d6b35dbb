package filehttp

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path"

	"github.com/dossier-go/dossier"
)

// exchanges is how often an object may be exchanged between asking for it and opening it.
const exchanges = 3

// get serves GET and HEAD.
func (h *signedHandler) get(w http.ResponseWriter, r *http.Request, grant dossier.Grant) error {
	for range exchanges {
		info, err := h.backend.Stat(r.Context(), grant.Key)
		if err != nil {
			return err
		}
		h.describe(w.Header(), info, grant)
		err = h.server.serve(w, r, h.content(info))
		if !errors.Is(err, errDiffers) {
			return err
		}
	}
	return fmt.Errorf("%w: the object is being exchanged all the time", dossier.ErrUnavailable)
}

// content pins everything that is read to the version of info, where the store can.
func (h *signedHandler) content(info dossier.Info) content {
	pinned := h.backend.Describe().Capabilities.Has(dossier.GetMatch)
	get := func(ctx context.Context, opts dossier.GetOptions) (*dossier.Object, error) {
		if pinned {
			opts.If.Match = info.Version
		}
		object, err := h.backend.Get(ctx, info.Key, opts)
		if errors.Is(err, dossier.ErrPrecondition) {
			return nil, errDiffers
		}
		return object, err
	}
	return content{size: info.Size, etag: tagOfInfo(info), modTime: info.ModTime, get: get}
}

// describe sets the header fields of an answer: what was stored, made harmless, and over it what was signed.
func (h *signedHandler) describe(header http.Header, info dossier.Info, grant dossier.Grant) {
	effective := defaultText(grant.Respond.ContentType, info.Header.ContentType)
	inline := shownInline(h.opts.Inline, effective)
	disposition := "attachment"
	if inline {
		disposition = "inline"
	}
	header.Set("Content-Type", servedType(info.Header.ContentType, inline))
	header.Set("Content-Disposition", ContentDisposition(disposition, storedName(info)))
	setText(header, "Content-Encoding", info.Header.ContentEncoding)
	setText(header, "Content-Language", info.Header.ContentLanguage)
	header.Set("Cache-Control", defaultText(info.Header.CacheControl, "private"))
	respond(header, grant.Respond)
	protect(header, header.Get("Content-Type"))
}

// storedName is the file name of an object: that of its Content-Disposition, else the last segment of its key.
func storedName(info dossier.Info) string {
	_, params, err := mime.ParseMediaType(info.Header.ContentDisposition)
	if err == nil && params["filename"] != "" {
		return params["filename"]
	}
	return path.Base(info.Key)
}
