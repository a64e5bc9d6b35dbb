package s3

import (
	"context"
	"time"
)

// SetSigningClock makes the backend sign as if it were always what now returns.
func SetSigningClock(b *Backend, now func() time.Time) { b.signing.now = now }

// ShownMetadata is what callers see of stored metadata.
func ShownMetadata(stored map[string]string) map[string]string {
	shown, _ := splitMetadata(stored)
	return shown
}

// PolicySignature signs a policy as forms are signed.
func PolicySignature(ctx context.Context, b *Backend, at time.Time, policy string) string {
	to, err := b.target()
	if err != nil {
		return err.Error()
	}
	cred, _, err := to.retrieve(ctx)
	if err != nil {
		return err.Error()
	}
	return to.signer.Policy(cred, at, policy)
}
