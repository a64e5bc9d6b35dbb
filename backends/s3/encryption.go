package s3

import (
	"crypto/md5" //nolint:gosec // the protocol's check of a key's transmission
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
)

// Encryption at rest that the server is asked for. Either Algorithm or CustomerKey may be set.
type Encryption struct {
	// Algorithm is "AES256", "aws:kms" or "aws:kms:dsse". Default: "", that of the bucket.
	Algorithm string
	// KMSKeyID names the key of "aws:kms" and "aws:kms:dsse". Default: "", the account's own key for S3.
	KMSKeyID string
	// CustomerKey is a key of 32 bytes that is sent with every request and that the server forgets again (SSE-C). Without
	// it the objects cannot be read; signed URLs do not have it. Amazon S3 takes it over https only. Default: nil.
	CustomerKey []byte
}

// String hides the customer key.
func (e Encryption) String() string {
	if len(e.CustomerKey) > 0 {
		return "customer key"
	}
	return e.Algorithm
}

// GoString hides the customer key.
func (e Encryption) GoString() string { return fmt.Sprintf("Encryption(%s)", e.String()) }

func (e Encryption) check() error {
	kms := e.Algorithm == "aws:kms" || e.Algorithm == "aws:kms:dsse"
	switch {
	case !slices.Contains([]string{"", "AES256", "aws:kms", "aws:kms:dsse"}, e.Algorithm):
		return fmt.Errorf("%w: encryption %q; it is AES256, aws:kms or aws:kms:dsse", dossier.ErrInvalid, e.Algorithm)
	case e.KMSKeyID != "" && !kms:
		return fmt.Errorf("%w: a KMS key is for the encryption aws:kms and aws:kms:dsse", dossier.ErrInvalid)
	case len(e.CustomerKey) != 0 && len(e.CustomerKey) != 32:
		return fmt.Errorf("%w: a customer key has 32 bytes, not %d", dossier.ErrInvalid, len(e.CustomerKey))
	case len(e.CustomerKey) != 0 && e.Algorithm != "":
		return fmt.Errorf("%w: a customer key leaves no choice of encryption", dossier.ErrInvalid)
	}
	return nil
}

// serverSide are the fields of a request that writes, for encryption with a key of the server.
func (e Encryption) serverSide() (types.ServerSideEncryption, *string) {
	return types.ServerSideEncryption(e.Algorithm), optional(e.KMSKeyID)
}

// customer are the fields of a request that reads or writes, for encryption with a customer key.
func (e Encryption) customer() (algorithm, key, sum *string) {
	if len(e.CustomerKey) == 0 {
		return nil, nil, nil
	}
	check := md5.Sum(e.CustomerKey) //nolint:gosec // see the import
	return aws.String("AES256"), aws.String(base64.StdEncoding.EncodeToString(e.CustomerKey)),
		aws.String(base64.StdEncoding.EncodeToString(check[:]))
}

// optional is a field that is left out when it is empty.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
