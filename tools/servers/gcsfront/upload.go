package gcsfront

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// put stores an object by the XML API (https://cloud.google.com/storage/docs/xml-api/put-object-upload): by a signed
// URL, as the emulator knows no other way.
func (f *Front) put(w http.ResponseWriter, r *http.Request, t target) *refusal {
	body, refused := readBody(r)
	if refused != nil {
		return refused
	}
	if refused := checkLength(r.Header.Get("X-Goog-Content-Length-Range"), int64(len(body))); refused != nil {
		return refused
	}
	if refused := checkSums(r.Header, body); refused != nil {
		return refused
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if refused := t.conditions(r).check(f.stat(r, t.bucket, t.object)); refused != nil {
		refused.code = "PreconditionFailed"
		return refused
	}
	a := f.hold(r, body)
	if a.good() {
		a.describe()
	}
	a.send(w)
	return nil
}

// describe turns the emulator's answer, which is one of the JSON API, into one of the XML API: no body, and headers.
func (a *answer) describe() {
	var stored resource
	if json.Unmarshal(a.body.Bytes(), &stored) != nil {
		return
	}
	a.body.Reset()
	a.header.Set("Content-Type", "text/html; charset=UTF-8")
	a.header.Set("ETag", strconv.Quote(stored.Etag))
	a.header.Set("X-Goog-Generation", strconv.FormatInt(stored.Generation, 10))
	a.header.Set("X-Goog-Metageneration", "1")
	a.header["X-Goog-Hash"] = []string{"crc32c=" + stored.CRC32C, "md5=" + stored.MD5}
}

// checkLength holds a length against "least,most".
func checkLength(limits string, length int64) *refusal {
	if limits == "" {
		return nil
	}
	least, most, _ := strings.Cut(limits, ",")
	from, err := strconv.ParseInt(strings.TrimSpace(least), 10, 64)
	to, err2 := strconv.ParseInt(strings.TrimSpace(most), 10, 64)
	switch {
	case err != nil || err2 != nil:
		return refuse(http.StatusBadRequest, "InvalidArgument", "Invalid x-goog-content-length-range: %s", limits)
	case length < from:
		return refuse(http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum object size.")
	case length > to:
		return refuse(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
	}
	return nil
}

// checkSums checks the checksums that a request claims for its body.
func checkSums(header http.Header, body []byte) *refusal {
	sha, sum := sha256.Sum256(body), md5.Sum(body)
	claimed := header.Get("X-Goog-Content-SHA256")
	if claimed != "" && claimed != "UNSIGNED-PAYLOAD" && claimed != hex.EncodeToString(sha[:]) {
		return refuse(http.StatusBadRequest, "ContentSHA256Mismatch", "The SHA-256 of the content is another.")
	}
	actual := map[string]string{"md5": base64.StdEncoding.EncodeToString(sum[:]), "crc32c": encodeCRC(crc32c(0, body))}
	claims := header.Values("X-Goog-Hash")
	if sum := header.Get("Content-MD5"); sum != "" {
		claims = append(claims, "md5="+sum)
	}
	for _, claim := range strings.Split(strings.Join(claims, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(claim), "=")
		if sum, known := actual[name]; known && sum != value {
			return refuse(http.StatusBadRequest, "BadDigest", "The %s you specified did not match what we computed: %s", name, sum)
		}
	}
	return nil
}

func crc32c(sum uint32, p []byte) uint32 {
	return crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), p)
}

func encodeCRC(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// startSigned starts a resumable upload by a signed POST of the XML API
// (https://cloud.google.com/storage/docs/performing-resumable-uploads). The emulator takes name and metadata only from
// where the JSON API has them, so they are put there.
func (f *Front) startSigned(w http.ResponseWriter, r *http.Request, t target) *refusal {
	if r.Header.Get("X-Goog-Resumable") != "start" {
		return refuse(http.StatusBadRequest, "InvalidArgument", "A POST of an object must start a resumable upload.")
	}
	metadata := map[string]any{"name": t.object}
	for header, field := range map[string]string{
		"Content-Type": "contentType", "Cache-Control": "cacheControl", "Content-Disposition": "contentDisposition",
		"Content-Encoding": "contentEncoding", "Content-Language": "contentLanguage", "X-Goog-Storage-Class": "storageClass",
	} {
		if value := r.Header.Get(header); value != "" {
			metadata[field] = value
		}
	}
	custom := map[string]string{}
	for name := range r.Header {
		if key, found := strings.CutPrefix(strings.ToLower(name), "x-goog-meta-"); found {
			custom[key] = r.Header.Get(name)
		}
	}
	metadata["metadata"] = custom
	body, err := json.Marshal(metadata)
	if err != nil {
		return refuse(http.StatusInternalServerError, "InternalError", "%v", err)
	}
	query := url.Values{"uploadType": {"resumable"}, "name": {t.object}}
	if generation := r.Header.Get("X-Goog-If-Generation-Match"); generation != "" {
		query.Set("ifGenerationMatch", generation)
	}
	inner := r.Clone(r.Context())
	inner.URL = &url.URL{Path: "/upload/storage/v1/b/" + t.bucket + "/o", RawQuery: query.Encode()}
	inner.RequestURI = inner.URL.RequestURI()
	inner.Header = http.Header{"Content-Type": {"application/json"}}
	a := f.hold(inner, body)
	if a.good() {
		f.remember(a, &session{limits: r.Header.Get("X-Goog-Content-Length-Range")})
		a.status = http.StatusCreated
		a.body.Reset()
	}
	a.send(w)
	return nil
}

// upload passes an upload of the JSON API on. The emulator checks its conditions on generations.
func (f *Front) upload(w http.ResponseWriter, r *http.Request, t target) *refusal {
	body, refused := readBody(r)
	if refused != nil {
		return refused
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	wanted := queryConditions(r.URL.Query(), "if")
	wanted.generation, wanted.notGeneration = "", ""
	if refused := wanted.check(f.stat(r, t.bucket, t.object)); refused != nil {
		return refused
	}
	a := f.hold(r, body)
	if a.good() && r.URL.Query().Get("uploadType") == "resumable" {
		s := &session{}
		json.NewDecoder(bytes.NewReader(body)).Decode(&s.declared) // no metadata declares no checksums
		f.remember(a, s)
	}
	f.count(a, t.bucket)
	a.send(w)
	return nil
}

// remember keeps a session by the identifier in its URL.
func (f *Front) remember(a *answer, s *session) {
	location, err := url.Parse(a.header.Get("Location"))
	if err != nil || location.Query().Get("upload_id") == "" {
		return
	}
	f.sessionsMutex.Lock()
	defer f.sessionsMutex.Unlock()
	f.sessions[location.Query().Get("upload_id")] = s
}
