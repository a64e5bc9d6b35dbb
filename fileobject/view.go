package fileobject

import (
	"context"
	"time"
)

// View is what a client may see of a file: no backend, no key.
type View struct {
	Name         string    `json:"name"`
	ContentType  string    `json:"content_type"`
	Size         int64     `json:"size"` // bytes; -1 when unknown
	LastModified time.Time `json:"last_modified,omitzero"`
	URL          string    `json:"url,omitempty"`
}

// View returns the view of f with a URL signed for ttl, or without URL when ttl is 0. A nil file gives a nil view.
// Errors: as [FileObject.SignedURL].
func (f *FileObject) View(ctx context.Context, ttl time.Duration) (*View, error) {
	if f == nil {
		return nil, nil
	}
	f.sync()
	view := &View{Name: f.name(), ContentType: f.ContentType, Size: f.Size, LastModified: f.LastModified}
	if ttl == 0 {
		return view, nil
	}
	var err error
	view.URL, err = f.SignedURL(ctx, ttl)
	return view, err
}
