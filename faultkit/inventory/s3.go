package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

type s3Store struct {
	client *s3.Client
	bucket string
}

func openS3(bucket string, query url.Values) store {
	region := query.Get("region")
	if region == "" {
		region = "us-east-1"
	}
	options := s3.Options{
		Region: region, UsePathStyle: query.Get("path_style") == "true",
		Credentials: credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	}
	if endpoint := query.Get("endpoint"); endpoint != "" {
		options.BaseEndpoint = aws.String(endpoint)
	}
	return s3Store{s3.New(options), bucket}
}

func (s s3Store) objects(ctx context.Context, prefix string) (keys []string, err error) {
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			keys = append(keys, aws.ToString(object.Key))
		}
	}
	return keys, nil
}

func (s s3Store) uploads(ctx context.Context, prefix string) (keys []string, err error) {
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{Bucket: &s.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, upload := range page.Uploads {
			keys = append(keys, aws.ToString(upload.Key))
		}
	}
	return keys, nil
}

func (s s3Store) open(ctx context.Context, key string) (io.ReadCloser, error) {
	output, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	var missing *types.NoSuchKey
	if errors.As(err, &missing) {
		return nil, fmt.Errorf("%w: %s", fs.ErrNotExist, key)
	}
	if err != nil {
		return nil, err
	}
	return output.Body, nil
}
