package inventory

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

type azureStore struct{ container *container.Client }

func openAzure(name string, query url.Values) (store, error) {
	account := os.Getenv("AZURE_STORAGE_ACCOUNT")
	endpoint := query.Get("endpoint")
	if endpoint == "" {
		endpoint = "https://" + account + ".blob.core.windows.net"
	}
	key, err := container.NewSharedKeyCredential(account, os.Getenv("AZURE_STORAGE_KEY"))
	if err != nil {
		return nil, err
	}
	client, err := container.NewClientWithSharedKeyCredential(strings.TrimSuffix(endpoint, "/")+"/"+name, key, nil)
	if err != nil {
		return nil, err
	}
	return azureStore{client}, nil
}

func (s azureStore) objects(ctx context.Context, prefix string) (keys []string, err error) {
	pages := s.container.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &prefix})
	for pages.More() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, blob := range page.Segment.BlobItems {
			keys = append(keys, *blob.Name)
		}
	}
	return keys, nil
}

// uploads finds none: blocks that were never committed are no object, and the service drops them after a week.
func (azureStore) uploads(context.Context, string) ([]string, error) { return nil, nil }

func (s azureStore) open(ctx context.Context, key string) (io.ReadCloser, error) {
	response, err := s.container.NewBlobClient(key).DownloadStream(ctx, nil)
	if bloberror.HasCode(err, bloberror.BlobNotFound) {
		return nil, fmt.Errorf("%w: %s", fs.ErrNotExist, key)
	}
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}
