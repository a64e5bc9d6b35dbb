package querysign

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"
)

// Policy signs a POST policy, which is its own string to sign, with an HMAC key of the day that the time lies in: the form's
// field X-Amz-Signature (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html) or x-goog-signature.
func (s *Signer) Policy(cred Credentials, day time.Time, policyBase64 string) (signatureHex string) {
	key := s.key(cred, day)
	w := key.works.Get().(*work) //nolint:forcetypeassert // the pool's own
	w.mac.Reset()
	w.mac.Write([]byte(policyBase64))
	w.sum = w.mac.Sum(w.sum[:0])
	signatureHex = hex.EncodeToString(w.sum)
	key.works.Put(w)
	return signatureHex
}

// PolicyWith signs a POST policy with whatever sign does, as [Signer.URLWith].
func (s *Signer) PolicyWith(ctx context.Context, sign Sign, policyBase64 string) (signatureHex string, err error) {
	signature, err := sign(ctx, []byte(policyBase64))
	if err != nil {
		return "", fmt.Errorf("sign policy: %w", err)
	}
	return hex.EncodeToString(signature), nil
}
