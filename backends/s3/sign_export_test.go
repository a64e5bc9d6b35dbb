package s3

import "time"

// SetSigningClock makes the backend sign as if it were always what now returns.
func SetSigningClock(b *Backend, now func() time.Time) { b.signing.now = now }
