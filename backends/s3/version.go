package s3

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/dossier-go/dossier"
)

// The server compares ETags, and for objects sent in one request an ETag is a checksum of the bytes: another key with the
// same bytes has the same. A Version is the ETag and a fingerprint of the key, so that it fits no other key.

// versionOf returns the version of the object that has this ETag under key.
func versionOf(key, etag string) dossier.Version {
	tag := bare(etag)
	if tag == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(key))
	return dossier.Version(tag + "." + hex.EncodeToString(sum[:6]))
}

// tagOf returns the ETag to ask the server for. It is false for what can be no version of the key's object.
func tagOf(key string, version dossier.Version) (etag string, ok bool) {
	at := strings.LastIndexByte(string(version), '.')
	if at < 1 {
		return "", false
	}
	tag := string(version[:at])
	foreign := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '*' || r == ',' || r == '\\' }
	if strings.ContainsFunc(tag, foreign) || versionOf(key, tag) != version {
		return "", false
	}
	return quoted(tag), true
}

func bare(etag string) string { return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`) }

func quoted(etag string) string {
	if tag := bare(etag); tag != "" {
		return `"` + tag + `"`
	}
	return ""
}
