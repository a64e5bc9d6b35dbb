package querysign

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
	"sync/atomic"
	"time"
)

// keptKeys is how many day keys a [Signer] keeps: those of today and yesterday (signing times are rounded down), before and
// after the credentials were renewed.
const keptKeys = 4

// Signer signs for one scheme and region. It is safe for concurrent use; its methods wait for nothing.
type Signer struct {
	scheme Scheme
	region string
	keys   atomic.Pointer[[]*dayKey] // the newest first, never changed in place
}

// New returns a signer without any key; keys are derived when they are first needed.
func New(scheme Scheme, region string) *Signer { return &Signer{scheme: scheme, region: region} }

// Scope is the credential scope of the day, in UTC, that t lies in: "20130524/us-east-1/s3/aws4_request".
func (s *Signer) Scope(t time.Time) string {
	return t.UTC().Format("20060102") + "/" + s.region + "/" + s.scheme.Service + "/" + s.scheme.Terminator
}

// dayKey is all that the URLs of one day and one set of credentials have in common.
type dayKey struct {
	cred       Credentials
	day        int64  // since 1970, in UTC
	scope      string // credential scope
	credential string // value of the parameter Credential, escaped
	token      string // value of the parameter Security-Token, escaped
	algorithm  string // value of the parameter Algorithm, escaped
	works      sync.Pool
}

// work is the memory that one signature needs.
type work struct {
	mac       hash.Hash // of the day's key
	query     []byte    // parameters in the order they came
	params    []parameter
	date      []byte // of the signature
	header    []int  // order of the request's header fields by name
	canonical []byte // request
	url       []byte
	sum       []byte
}

// parameter lies in work.query as name=value, escaped.
type parameter struct{ start, equals, end int }

func dayOf(t time.Time) int64 {
	seconds := t.Unix()
	day := seconds / 86400
	if seconds < 0 && seconds%86400 != 0 {
		day--
	}
	return day
}

// key finds or derives the key of the day that t lies in.
func (s *Signer) key(cred Credentials, t time.Time) *dayKey {
	day := dayOf(t)
	kept := s.keys.Load()
	if found := find(kept, cred, day); found != nil {
		return found
	}
	made := s.derive(cred, t, day)
	for {
		next := make([]*dayKey, 1, keptKeys)
		next[0] = made
		if kept != nil {
			next = append(next, (*kept)[:min(len(*kept), keptKeys-1)]...)
		}
		if s.keys.CompareAndSwap(kept, &next) {
			return made
		}
		kept = s.keys.Load()
		if found := find(kept, cred, day); found != nil {
			return found
		}
	}
}

func find(kept *[]*dayKey, cred Credentials, day int64) *dayKey {
	if kept == nil {
		return nil
	}
	for _, key := range *kept {
		if key.day == day && key.cred == cred {
			return key
		}
	}
	return nil
}

// derive follows "Calculate signature", step 1: HMACs of day, region, service and terminator, one keyed with the other. The
// schemes with RSA keys have no such key; nothing is ever signed with what they get here.
func (s *Signer) derive(cred Credentials, t time.Time, day int64) *dayKey {
	scope := s.Scope(t)
	secret := []byte(s.scheme.Secret + cred.Secret)
	for _, part := range []string{scope[:len("20060102")], s.region, s.scheme.Service, s.scheme.Terminator} {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(part))
		secret = mac.Sum(nil)
	}
	key := &dayKey{cred: cred, day: day, scope: scope}
	key.credential = string(appendEscaped(nil, cred.AccessKeyID+"/"+scope, false))
	key.token = string(appendEscaped(nil, cred.SessionToken, false))
	key.algorithm = string(appendEscaped(nil, s.scheme.Algorithm, false))
	key.works.New = func() any { return &work{mac: hmac.New(sha256.New, secret)} }
	return key
}
