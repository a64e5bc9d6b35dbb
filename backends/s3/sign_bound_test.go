package s3_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
	"github.com/dossier-go/dossier/internal/crc"
)

// bindings are all that can be bound to a PUT of "new content".
func bindings() map[string]dossier.SignRequest {
	content := []byte("new content")
	sha, md := sha256.Sum256(content), md5.Sum(content)
	castagnoli := crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli))
	length := int64(len(content))
	return map[string]dossier.SignRequest{
		"content type": {ContentType: "text/plain; charset=utf-8"},
		"length":       {Length: length},
		"CRC32C":       {Expect: dossier.Checksums{CRC32C: binary.BigEndian.AppendUint32(nil, castagnoli)}},
		"CRC64NVME":    {Expect: dossier.Checksums{CRC64NVME: crc.Bytes64(crc.NVME(content))}},
		"SHA-256":      {Expect: dossier.Checksums{SHA256: sha[:]}},
		"MD5":          {Expect: dossier.Checksums{MD5: md[:]}},
		"metadata":     {Metadata: map[string]string{"name": "Ünï & = +", "empty": "", "a_b": "c d"}},
		"everything": {
			ContentType: "image/png", Length: length, Expect: dossier.Checksums{SHA256: sha[:], MD5: md[:]},
			Metadata: map[string]string{"a": "b"},
		},
	}
}

// A binding that the store does not enforce is a hole in every upload form that relies on it.
func TestSignedPutIsBoundToEveryHeaderField(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		for name, req := range bindings() {
			req.Method, req.Key = "PUT", "a"
			signed := s.sign(req)
			s.put("a", "old content")
			if status, _, answer := s.send(signed, "new content", nil); status != http.StatusOK {
				s.Errorf("%s: %d %s", name, status, answer)
			}
			s.holds("a", "new content")
			for field := range signed.Header {
				if field == "Content-Length" {
					continue // no client can send another one than the body's
				}
				s.refused(name+" without "+field, signed, "new content", func(r *http.Request) { r.Header.Del(field) })
				s.refused(name+" with another "+field, signed, "new content", func(r *http.Request) { r.Header[field][0] += "x" })
				s.refused(name+" with two of "+field, signed, "new content", func(r *http.Request) {
					r.Header[field] = append(r.Header[field], "x")
				})
			}
			if req.Length != 0 || !reflect.DeepEqual(req.Expect, dossier.Checksums{}) {
				for _, other := range []string{"", "new conten", "new content and more"} {
					s.refused(name+" of other bytes", signed, other, nil)
					s.refused(name+" of other bytes in chunks", signed, other, inChunks)
				}
			}
		}
	})
}

// inChunks hides the length of the body.
func inChunks(r *http.Request) {
	if r.Body != http.NoBody {
		r.Body, r.ContentLength = io.NopCloser(io.MultiReader(r.Body)), -1
	}
}

// An upload URL for an empty marker must take nothing else.
func TestSignedPutOfAnEmptyBody(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		signed := s.sign(dossier.SignRequest{Method: "PUT", Key: "a", Length: -1})
		s.put("a", "old content")
		if status, _, answer := s.send(signed, "", nil); status != http.StatusOK {
			s.Errorf("%d %s", status, answer)
		}
		s.holds("a", "")
		s.refused("something", signed, "x", nil)
		s.refused("something in chunks", signed, "x", inChunks)
	})
}

// Type and metadata must arrive as they would with a Put, or a record filled from the store says something else.
func TestSignedPutStoresTypeAndMetadata(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		metadata := map[string]string{"name": "Ünï & = +", "a_b": "c d"}
		signed := s.sign(dossier.SignRequest{Method: "PUT", Key: "a", ContentType: "text/plain; charset=utf-8", Metadata: metadata})
		if status, _, answer := s.send(signed, "new content", nil); status != http.StatusOK {
			s.Fatalf("%d %s", status, answer)
		}
		_, got := s.content("a")
		if aws.ToString(got.ContentType) != "text/plain; charset=utf-8" {
			s.Errorf("stored as %q", aws.ToString(got.ContentType))
		}
		if shown := s3.ShownMetadata(got.Metadata); !maps.Equal(shown, metadata) {
			s.Errorf("stored %q, want %q", shown, metadata)
		}
	})
}

// Whoever sees a create-only URL in a log must not replace what was uploaded with it.
func TestSignedCreateOnlyPutWorksOnce(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		signed := s.sign(dossier.SignRequest{Method: "PUT", Key: "a", If: dossier.Condition{IfAbsent: true}})
		if status, _, answer := s.send(signed, "first", nil); status != http.StatusOK {
			s.Errorf("the first: %d %s", status, answer)
		}
		if status, _, answer := s.send(signed, "second", nil); status != http.StatusPreconditionFailed {
			s.Errorf("a replay: %d %s", status, answer)
		}
		if status, _, answer := s.send(signed, "third", func(r *http.Request) { r.Header.Del("If-None-Match") }); good(status) {
			s.Errorf("without the condition: %d %s", status, answer)
		}
		s.holds("a", "first")
	})
}

// A signed request that serves another method or another key gives away what its signer never meant to.
func TestSignedURLsWorkForNothingElse(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
			signed := s.sign(dossier.SignRequest{Method: method, Key: "a"})
			for _, other := range []string{"GET", "HEAD", "PUT", "DELETE", "POST"} {
				s.put("a", "old content")
				s.put("b", "old content of b")
				status, _, answer := s.send(signed, "", func(r *http.Request) {
					r.URL.Path, r.Method = strings.TrimSuffix(r.URL.Path, "a")+"b", other
				})
				if good(status) {
					s.Errorf("%s as %s of another key: %d %s", method, other, status, answer)
				}
				status, _, answer = s.send(signed, "", func(r *http.Request) { r.Method = other })
				if good(status) != (other == method) {
					s.Errorf("%s as %s: %d %s", method, other, status, answer)
				}
				s.holds("b", "old content of b")
			}
		}
	})
}

// Every parameter is under the signature, in every byte.
func TestSignedQueryCannotBeChanged(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		s.put("a", "old content")
		for _, req := range []dossier.SignRequest{
			{Key: "a", Respond: dossier.Header{ContentType: "text/plain"}}, {Method: "PUT", Key: "a", Length: 11, ContentType: "a/b"},
		} {
			signed := s.sign(req)
			at, err := url.Parse(signed.URL)
			if err != nil {
				s.Fatal(err)
			}
			for i := range at.RawQuery {
				changed := []byte(at.RawQuery)
				changed[i] ^= 1
				if changed[i] <= ' ' || changed[i] >= 0x7F || changed[i] == '#' {
					continue // no URL
				}
				body := strings.Repeat("x", int(req.Length))
				status, _, answer := s.send(signed, body, func(r *http.Request) { r.URL.RawQuery = string(changed) })
				if good(status) {
					s.Errorf("%s: %d %s", changed, status, answer)
				}
			}
			for name, values := range at.Query() {
				left := at.Query()
				left.Del(name)
				if status, _, answer := s.send(signed, "", func(r *http.Request) { r.URL.RawQuery = left.Encode() }); good(status) {
					s.Errorf("without %s: %d %s", name, status, answer)
				}
				left.Set(name, values[0]+"x")
				if status, _, answer := s.send(signed, "", func(r *http.Request) { r.URL.RawQuery = left.Encode() }); good(status) {
					s.Errorf("another %s: %d %s", name, status, answer)
				}
			}
		}
		s.holds("a", "old content")
	})
}

// Keys come from people; a URL must reach the object of its key whatever that key is made of.
func TestSignedURLsReachOddKeys(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		for _, key := range []string{
			"a b", "a+b", "a%2Fb", "a%b", "a?b", "a#b", "a&b=c;d", "a'b\"c", "é", "\U0001F600", "(a)*!$@,:~", "[a]{b}|c^`<>", "x/y z/%41",
		} {
			if status, _, answer := s.send(s.sign(dossier.SignRequest{Method: "PUT", Key: key}), key, nil); status != http.StatusOK {
				s.Errorf("PUT %q: %d %s", key, status, answer)
				continue
			}
			s.holds(key, key)
			if status, _, answer := s.send(s.sign(dossier.SignRequest{Key: key}), "", nil); answer != key {
				s.Errorf("GET %q: %d %s", key, status, answer)
			}
		}
	})
}

// Downloads get their name and type from the URL.
func TestSignedGetOverridesTheAnswer(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		s.put("a", "old content")
		respond := dossier.Header{
			ContentType: "application/pdf", ContentDisposition: `attachment; filename="a b+c.pdf"; filename*=UTF-8''%c3%bc.pdf`,
			ContentLanguage: "de", CacheControl: "private, max-age=60",
		}
		for _, method := range []string{"GET", "HEAD"} {
			status, header, _ := s.send(s.sign(dossier.SignRequest{Method: method, Key: "a", Respond: respond}), "", nil)
			for name, want := range map[string]string{
				"Content-Type": respond.ContentType, "Content-Disposition": respond.ContentDisposition,
				"Content-Language": respond.ContentLanguage, "Cache-Control": respond.CacheControl,
			} {
				if got := header.Get(name); status != http.StatusOK || got != want {
					s.Errorf("%s: %d, %s is %q, want %q", method, status, name, got, want)
				}
			}
		}
		status, _, answer := s.send(s.sign(dossier.SignRequest{Key: "a"}), "", func(r *http.Request) {
			r.URL.RawQuery += "&response-content-type=text%2Fhtml"
		})
		if good(status) {
			s.Errorf("an override that was not signed: %d %s", status, answer)
		}
	})
}

// The end of a URL is what limits the damage of one that leaks.
func TestSignedURLEnds(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		s.put("a", "old content")
		s3.SetSigningClock(s.store, func() time.Time { return time.Now().Add(-time.Hour) })
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			signed := s.sign(dossier.SignRequest{Method: method, Key: "a", TTL: 59 * time.Minute})
			if status, _, answer := s.send(signed, "", nil); status != http.StatusForbidden || !strings.Contains(answer, "xpired") {
				s.Errorf("%s: %d %s", method, status, answer)
			}
		}
		s.holds("a", "old content")
		signed := s.sign(dossier.SignRequest{Key: "a", TTL: 7 * 24 * time.Hour})
		if status, _, answer := s.send(signed, "", nil); status != http.StatusOK {
			s.Errorf("an hour of seven days: %d %s", status, answer)
		}
	})
}

// Browsers upload large files in parts, each with a URL; all together must make the object.
func TestSignedPartsMakeAnObject(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		key := s.folder + "a"
		created, err := s.client.CreateMultipartUpload(s.Context(), &awss3.CreateMultipartUploadInput{
			Bucket: &s.bucket, Key: &key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumType: types.ChecksumTypeFullObject,
		})
		if err != nil {
			s.Fatal(err)
		}
		var parts []types.CompletedPart
		contents := []string{strings.Repeat("0123456789abcdef", 5<<20/16), "the end"}
		for i, content := range contents {
			number := i + 1
			req := dossier.SignRequest{
				Method: "PUT", Key: "a", Length: int64(len(content)), Part: dossier.PartRequest{UploadID: *created.UploadId, Number: number},
				Expect: dossier.Checksums{CRC64NVME: crc.Bytes64(crc.NVME([]byte(content)))},
			}
			signed := s.sign(req)
			for what, changed := range map[string]string{
				"another part":   strings.Replace(signed.URL, fmt.Sprint("partNumber=", number), "partNumber=9", 1),
				"another upload": strings.Replace(signed.URL, "uploadId=", "uploadId=x", 1),
				"the object":     strings.Replace(strings.Replace(signed.URL, "uploadId=", "x-d=", 1), "partNumber", "x-n", 1),
			} {
				other := signed
				other.URL = changed
				if status, _, _ := s.send(other, content, nil); good(status) {
					s.Errorf("the URL of part %d works for %s", number, what)
				}
			}
			if status, _, _ := s.send(signed, strings.Replace(content, "e", "x", 1), nil); good(status) {
				s.Errorf("the URL of part %d takes other bytes", number)
			}
			if status, _, _ := s.send(signed, content+"x", nil); good(status) {
				s.Errorf("the URL of part %d takes more bytes", number)
			}
			status, header, answer := s.send(signed, content, nil)
			if status != http.StatusOK {
				s.Fatalf("part %d: %d %s", number, status, answer)
			}
			parts = append(parts, types.CompletedPart{
				PartNumber: aws.Int32(int32(number)), ETag: aws.String(header.Get("Etag")), ChecksumCRC64NVME: sum(req.Expect.CRC64NVME),
			})
		}
		whole := strings.Join(contents, "")
		_, err = s.client.CompleteMultipartUpload(s.Context(), &awss3.CompleteMultipartUploadInput{
			Bucket: &s.bucket, Key: &key, UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
			ChecksumCRC64NVME: sum(crc.Bytes64(crc.NVME([]byte(whole)))), ChecksumType: types.ChecksumTypeFullObject,
		})
		if err != nil {
			s.Fatal(err)
		}
		if got, _ := s.content("a"); !bytes.Equal([]byte(got), []byte(whole)) {
			s.Errorf("the object has %d bytes, want %d", len(got), len(whole))
		}
	})
}
