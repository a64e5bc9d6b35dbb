package s3

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/querysign"
)

// signing is what signed URLs and forms need beside the request. Its zero value is ready for use.
type signing struct {
	once   sync.Once
	target target
	err    error
	now    func() time.Time // Default: nil, time.Now
}

// target is where requests for the bucket go, and how they are signed.
type target struct {
	urlScheme, host, path string // path is not escaped and has no slash at its end: "" or "/bucket"
	signer                *querysign.Signer
	credentials           aws.CredentialsProvider
}

// clock is the time of signing.
func (s *signing) clock() time.Time {
	if s.now != nil {
		return s.now()
	}
	return time.Now()
}

// target resolves the endpoint of the bucket, once. It makes no request.
func (b *Backend) target() (*target, error) {
	b.signing.once.Do(func() { b.signing.target, b.signing.err = resolve(b.client.Options(), b.bucket) })
	return &b.signing.target, b.signing.err
}

// resolve asks the client's own resolver, so that path style, dots in bucket names, access points, accelerated, dual-stack
// and FIPS endpoints are as they are for the client's requests. What Signature Version 4 in the query does not do, or
// what the client would put together only while it sends, is errors.ErrUnsupported.
func resolve(options s3.Options, bucket string) (target, error) {
	if options.EndpointResolver != nil || strings.Contains(options.Region, "fips") { //nolint:staticcheck // refused, not used
		return target{}, fmt.Errorf("%w: signing for an endpoint resolver of version 1 or a region named after FIPS; "+
			"set BaseEndpoint, or EndpointOptions.UseFIPSEndpoint", errors.ErrUnsupported)
	}
	params := s3.EndpointParameters{
		Bucket:                         &bucket,
		Endpoint:                       options.BaseEndpoint,
		ForcePathStyle:                 &options.UsePathStyle,
		Accelerate:                     &options.UseAccelerate,
		UseArnRegion:                   &options.UseARNRegion,
		UseFIPS:                        aws.Bool(options.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack:                   aws.Bool(dualStack(options)),
		DisableMultiRegionAccessPoints: &options.DisableMultiRegionAccessPoints,
		DisableS3ExpressSessionAuth:    options.DisableS3ExpressSessionAuth,
	}
	if options.Region != "" {
		params.Region = &options.Region
	}
	endpoint, err := options.EndpointResolverV2.ResolveEndpoint(context.Background(), params)
	if err != nil {
		return target{}, fmt.Errorf("%w: no endpoint for the bucket: %w", dossier.ErrInvalid, err)
	}
	scheme, region, err := schemeOf(endpoint, options.Region)
	if err != nil {
		return target{}, err
	}
	return target{
		urlScheme: endpoint.URI.Scheme, host: strings.ToLower(endpoint.URI.Host), path: strings.TrimSuffix(endpoint.URI.Path, "/"),
		signer: querysign.New(scheme, region), credentials: options.Credentials,
	}, nil
}

func dualStack(options s3.Options) bool {
	if options.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateUnset {
		return options.UseDualstack //nolint:staticcheck // the client honours it too
	}
	return options.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled
}

// schemeOf is how the endpoint wants to have its requests signed.
func schemeOf(endpoint smithyendpoints.Endpoint, region string) (querysign.Scheme, string, error) {
	scheme := querysign.AWS()
	offered, found := smithyauth.GetAuthOptions(&endpoint.Properties)
	if !found {
		return scheme, region, nil
	}
	for _, option := range offered {
		if option.SchemeID != "sigv4" && option.SchemeID != smithyauth.SchemeIDSigV4 {
			continue
		}
		if name, ok := smithyhttp.GetSigV4SigningName(&option.SignerProperties); ok {
			scheme.Service = name
		}
		if of, ok := smithyhttp.GetSigV4SigningRegion(&option.SignerProperties); ok {
			region = of
		}
		return scheme, region, nil
	}
	return scheme, region, fmt.Errorf("%w: signing for an endpoint without Signature Version 4, such as directory buckets and "+
		"multi-region access points", errors.ErrUnsupported)
}

// retrieve returns the client's credentials, refreshed if they have to be, and when they end (zero: never).
func (t *target) retrieve(ctx context.Context) (querysign.Credentials, time.Time, error) {
	if t.credentials == nil {
		err := fmt.Errorf("%w: the client has no credentials to sign with", dossier.ErrUnauthenticated)
		return querysign.Credentials{}, time.Time{}, err
	}
	found, err := t.credentials.Retrieve(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return querysign.Credentials{}, time.Time{}, dossier.ContextError(ctx)
	case err != nil:
		return querysign.Credentials{}, time.Time{}, &credentialError{err}
	}
	cred := querysign.Credentials{AccessKeyID: found.AccessKeyID, Secret: found.SecretAccessKey, SessionToken: found.SessionToken}
	if !found.CanExpire {
		return cred, time.Time{}, nil
	}
	return cred, found.Expires, nil
}
