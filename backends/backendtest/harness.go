package backendtest

import (
	"net/http"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
)

// Harness says how to make and examine the backends under test. Only New is required; a case that needs another field
// is skipped without it. The backends given to these functions are those that New returned.
type Harness struct {
	// New returns a backend over an empty store of its own, and cleans up with t.Cleanup. If it signs, all backends of
	// one harness sign with the same key, so that only the store tells their signatures apart.
	New func(t *testing.T) dossier.Backend
	// Reopen returns a second backend over the objects of b, as another process would open it. Default: nil.
	Reopen func(t *testing.T, b dossier.Backend) dossier.Backend
	// Serve returns a client for the signed URLs of b: it reaches whoever serves them, adds no header fields of its own
	// but those that HTTP demands, and follows no redirects. b may be wrapped. See [HandlerClient]. Default: nil.
	Serve func(t *testing.T, b dossier.Backend) *http.Client
	// Corrupt changes a stored byte of an object without the backend's knowledge, keeping its size. Default: nil.
	Corrupt func(t *testing.T, b dossier.Backend, key string)
	// Leftovers names what is stored that belongs to no object, such as temporary files and parts. It is called after
	// every case and must find nothing. Default: nil; unfinished multipart uploads are looked for all the same.
	Leftovers func(t *testing.T, b dossier.Backend) []string
	// Network returns a backend over an empty store of its own, like New, and the proxy through which all its requests go.
	// So that faults are met in all places and tests are fast, it should use the smallest parts that the store takes (a
	// Put of twice Limits.MinPart of unknown size then needs several requests), and make short pauses between attempts.
	// Default: nil.
	Network func(t *testing.T) (dossier.Backend, *Proxy)
	// Protocol says what the protocol of the store cannot promise, so that the suite does not ask for it. Default: none, the
	// whole contract.
	Protocol Protocol
	// Excused are cases that this server, not the backend, makes fail: the reason by the name of the case, which is skipped
	// with it. Default: nil, none.
	Excused map[string]string
	// Small scales numbers and sizes down, for stores that take milliseconds for each request. Default: false.
	Small bool
}

// Protocol says what stores behind some protocols cannot promise. The zero value is the whole contract.
type Protocol struct {
	// ContentVersions: the version depends on the content alone, as an ETag that is a checksum does, so the same bytes have
	// the same version again. Default: false.
	ContentVersions bool
	// GetServesHead: a signed URL for GET also serves HEAD and the other way round. Default: false.
	GetServesHead bool
	// IgnoresParameters: parameters that are added to a signed URL are not part of the signature. Default: false.
	IgnoresParameters bool
	// LateParts: a signed URL of a part is served after the end of its upload too; what it stores is no part of anything.
	// Default: false.
	LateParts bool
	// ModTime is how far the time that a write returns may be from the one that the store tells later. Default: 0, equal.
	ModTime time.Duration
}

// many returns n, or about a hundredth of it for a small harness.
func (h Harness) many(n int) int {
	if h.Small {
		return max(2, n/100)
	}
	return n
}

// some returns n, or a tenth of it for a small harness.
func (h Harness) some(n int) int {
	if h.Small {
		return max(2, n/10)
	}
	return n
}

// unit is the size in bytes that contents are multiples of: more than one buffer, less than one part.
func (h Harness) unit() int {
	if h.Small {
		return 1 << 10
	}
	return 64 << 10
}
