package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
)

type gcsStore struct{ bucket *storage.BucketHandle }

func openGCS(ctx context.Context, bucket string, query url.Values) (store, error) {
	var options []option.ClientOption
	if endpoint := query.Get("endpoint"); endpoint != "" {
		options = append(options, option.WithEndpoint(endpoint+"/storage/v1/"))
	}
	client, err := storage.NewClient(ctx, options...)
	if err != nil {
		return nil, err
	}
	return gcsStore{client.Bucket(bucket)}, nil
}

func (s gcsStore) objects(ctx context.Context, prefix string) (keys []string, err error) {
	for all := s.bucket.Objects(ctx, &storage.Query{Prefix: prefix}); ; {
		attributes, err := all.Next()
		if errors.Is(err, iterator.Done) {
			return keys, nil
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, attributes.Name)
	}
}

// uploads finds none: resumable uploads cannot be listed, and the service drops them after a week.
func (gcsStore) uploads(context.Context, string) ([]string, error) { return nil, nil }

func (s gcsStore) open(ctx context.Context, key string) (io.ReadCloser, error) {
	reader, err := s.bucket.Object(key).ReadCompressed(true).NewReader(ctx)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return nil, fmt.Errorf("%w: %s", fs.ErrNotExist, key)
	}
	if err != nil {
		return nil, err
	}
	return reader, nil
}
