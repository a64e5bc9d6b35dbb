package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// Inventory lists and opens what a bucket holds under a prefix. Keys are relative to the prefix. It implements
// faultkit.Inventory.
type Inventory struct {
	store  store
	prefix string
}

// store is one cloud's part.
type store interface {
	// objects and uploads are the full keys of both under the prefix.
	objects(ctx context.Context, prefix string) ([]string, error)
	uploads(ctx context.Context, prefix string) ([]string, error)
	open(ctx context.Context, key string) (io.ReadCloser, error)
}

// own is the part of a store that is not the application's.
const own = ".dossier/"

// Open returns the inventory of the bucket that a backend's URL names. It makes no request.
func Open(ctx context.Context, rawURL, prefix string) (*Inventory, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("open inventory: the text is no URL")
	}
	var s store
	switch u.Scheme {
	case "s3":
		s = openS3(u.Host, u.Query())
	case "gs":
		s, err = openGCS(ctx, u.Host, u.Query())
	case "azblob":
		s, err = openAzure(u.Host, u.Query())
	default:
		err = fmt.Errorf("%w: the scheme %q", errors.ErrUnsupported, u.Scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("open inventory: %w", err)
	}
	return &Inventory{s, prefix}, nil
}

// Objects returns the keys of all objects, and what is stored beside them: unfinished uploads and the backend's own
// objects.
func (i *Inventory) Objects(ctx context.Context) (keys, leftover []string, err error) {
	all, err := i.store.objects(ctx, i.prefix)
	if err != nil {
		return nil, nil, err
	}
	for _, key := range all {
		key = strings.TrimPrefix(key, i.prefix)
		if strings.HasPrefix(key, own) {
			leftover = append(leftover, key)
		} else {
			keys = append(keys, key)
		}
	}
	uploads, err := i.store.uploads(ctx, i.prefix)
	for _, key := range uploads {
		leftover = append(leftover, "the upload of "+strings.TrimPrefix(key, i.prefix))
	}
	return keys, leftover, err
}

// Open reads an object. A missing one is an error that Is [fs.ErrNotExist].
func (i *Inventory) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	return i.store.open(ctx, i.prefix+key)
}
