package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/urlparam"
)

// Open opens the bucket that a URL names, s3://bucket?parameters, with credentials and region of the SDK's default chain
// (environment, shared files, container, instance); see the package's documentation for the parameters. It checks that the
// bucket is there and can be reached with the credentials. With an endpoint it also probes, and clears what the server
// does not honour, unless the parameter probe is false.
//
// Errors: ErrInvalid (malformed URL or parameter, wrong region), ErrNoContainer, ErrUnauthenticated, ErrPermission,
// ErrUnavailable.
func Open(ctx context.Context, rawURL string) (*Backend, error) {
	b, err := open(ctx, rawURL)
	if err != nil {
		return nil, fail("open", "", err)
	}
	return b, nil
}

func open(ctx context.Context, rawURL string) (*Backend, error) {
	if err := dossier.ContextError(ctx); err != nil {
		return nil, err
	}
	bucket, s, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	client, err := s.client(ctx)
	if err != nil {
		return nil, err
	}
	b, err := New(client, bucket, s.cfg)
	if err != nil {
		return nil, err
	}
	if err := b.reach(ctx); err != nil {
		return nil, err
	}
	if s.endpoint == "" || s.unprobed {
		return b, nil
	}
	found, err := b.Probe(ctx)
	if err != nil {
		return nil, err
	}
	b.capabilities = found.Capabilities
	return b, nil
}

// reach asks for the bucket. A listing says what is wrong with it, which the answer to a HEAD cannot; who may not list is
// let in all the same.
func (b *Backend) reach(ctx context.Context) error {
	_, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.bucket}, b.small().options)
	if err == nil {
		return nil
	}
	in := &s3.ListObjectsV2Input{Bucket: &b.bucket, MaxKeys: aws.Int32(1)}
	_, err = b.client.ListObjectsV2(ctx, in, b.small().options)
	if codeOf(err) == "AccessDenied" {
		return nil
	}
	return withContext(ctx, positive(err))
}

// settings are what a URL says.
type settings struct {
	cfg       Config
	endpoint  string
	region    string
	pathStyle bool
	anonymous bool
	unprobed  bool
}

// parseURL reads a URL; its errors do not repeat it, since it may hold a secret.
func parseURL(rawURL string) (bucket string, s settings, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", s, fmt.Errorf("%w: the text is no URL; the form is s3://bucket?parameters", dossier.ErrInvalid)
	}
	switch {
	case u.Scheme != scheme || u.Opaque != "":
		return "", s, fmt.Errorf("%w: the form is s3://bucket?parameters", dossier.ErrInvalid)
	case u.User != nil || u.Fragment != "" || u.Port() != "":
		return "", s, fmt.Errorf("%w: the URL has a user name, password, port or fragment; credentials come from the environment",
			dossier.ErrInvalid)
	case u.Path != "" && u.Path != "/":
		return "", s, fmt.Errorf("%w: the URL has a path; the bucket alone comes after s3://", dossier.ErrInvalid)
	case u.Host == "":
		return "", s, fmt.Errorf("%w: the URL names no bucket", dossier.ErrInvalid)
	}
	p, err := urlparam.Parse(u.RawQuery)
	if err != nil {
		return "", s, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	s.read(p)
	if err := p.Done(); err != nil {
		return "", s, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	return u.Host, s, s.checkEndpoint()
}

func (s *settings) read(p *urlparam.Set) {
	s.endpoint, s.region = p.Text("endpoint"), p.Text("region")
	s.pathStyle, s.anonymous = p.Truth("path_style"), p.Truth("anonymous")
	s.unprobed = p.Choice("probe", "true", "false") == 1
	s.cfg = Config{
		Memory: p.Size("memory"), PartSize: p.Size("part_size"), Parallel: p.Number("parallel", maxParallel),
		StallTimeout: p.Duration("stall_timeout"), EqualParts: p.Truth("equal_parts"),
		Class: p.Text("class"), ACL: p.Text("acl"), PublicURL: p.Text("public_url"),
		SSE: Encryption{Algorithm: p.Text("sse"), KMSKeyID: p.Text("sse_kms_key_id")},
	}
	algorithms := []Algorithm{CRC64NVME, CRC32C, NoChecksum}
	s.cfg.Checksum = algorithms[p.Choice("checksum", string(CRC64NVME), string(CRC32C), string(NoChecksum))]
	modes := []BatchMode{BatchAuto, BatchChecksum, BatchContentMD5, BatchSingle}
	s.cfg.DeleteBatch = modes[p.Choice("delete_batch",
		string(BatchAuto), string(BatchChecksum), string(BatchContentMD5), string(BatchSingle))]
}

func (s *settings) checkEndpoint() error {
	if s.endpoint == "" {
		return nil
	}
	u, err := url.Parse(s.endpoint)
	if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		u.Fragment != "" {
		return fmt.Errorf("%w: the parameter endpoint: want an http or https URL without user and query", dossier.ErrInvalid)
	}
	return nil
}

// client makes a client of the SDK's default configuration. The HTTP client is the SDK's own, to which the SDK can add
// what the environment asks for, such as AWS_CA_BUNDLE.
func (s *settings) client(ctx context.Context) (*s3.Client, error) {
	load := []func(*config.LoadOptions) error{config.WithHTTPClient(awshttp.NewBuildableClient())}
	if s.region != "" {
		load = append(load, config.WithRegion(s.region))
	}
	if s.anonymous {
		load = append(load, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	}
	loaded, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, withContext(ctx, fmt.Errorf("%w: the SDK's configuration: %w", dossier.ErrInvalid, err))
	}
	if loaded.Region == "" && s.endpoint == "" && loaded.BaseEndpoint == nil {
		return nil, fmt.Errorf("%w: no region; set the parameter region or AWS_REGION", dossier.ErrInvalid)
	}
	setDefault(&loaded.Region, "us-east-1") // what compatible servers take
	if err := s.checkCredentials(ctx, loaded); err != nil {
		return nil, err
	}
	return s3.NewFromConfig(loaded, s.adapt), nil
}

// checkCredentials finds out early, and without asking the bucket, that there are none.
func (s *settings) checkCredentials(ctx context.Context, loaded aws.Config) error {
	if s.anonymous {
		return nil
	}
	if _, err := loaded.Credentials.Retrieve(ctx); err != nil {
		return errors.Join(dossier.ContextError(ctx), &credentialError{err})
	}
	return nil
}

// adapt changes what compatible servers are known to be particular about.
func (s *settings) adapt(o *s3.Options) {
	o.UsePathStyle = o.UsePathStyle || s.pathStyle
	if s.endpoint == "" {
		return
	}
	o.BaseEndpoint = aws.String(strings.TrimRight(s.endpoint, "/"))
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	o.ContinueHeaderThresholdBytes = -1 // not all answer "Expect: 100-continue"
}
