package gcsfront_test

import (
	"bytes"
	"encoding/base64"
	"maps"
	"mime/multipart"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
)

// policy makes a form with Google's library: one object or a prefix, two to four bytes of text.
func (s *service) policy(object string, conditions ...storage.PostPolicyV4Condition) *storage.PostPolicyV4 {
	s.t.Helper()
	made, err := storage.GenerateSignedPostPolicyV4(bucket, object, &storage.PostPolicyV4Options{
		GoogleAccessID: s.account.Email, PrivateKey: s.private(), Expires: time.Now().Add(time.Hour), Insecure: true,
		Hostname: strings.TrimPrefix(s.origin, "http://"),
		Fields: &storage.PolicyV4Fields{
			ContentType: "text/plain", Metadata: map[string]string{"x-goog-meta-owner": "me"}, StatusCodeOnSuccess: 201,
		},
		Conditions: append(conditions, storage.ConditionContentLengthRange(2, 4)),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

// post sends a form, its fields in any order and the file at the end.
func (s *service) post(url string, fields map[string]string, content string) response {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		form.WriteField(name, fields[name])
	}
	file, err := form.CreateFormFile("file", "my name.txt")
	if err != nil {
		s.t.Fatal(err)
	}
	file.Write([]byte(content))
	form.Close()
	return s.send("POST", url, body.String(), "Content-Type: "+form.FormDataContentType())
}

// A form of Google's library stores what its policy allows, at an address that ends in a slash.
func TestFormStoresWhatItsPolicyAllows(t *testing.T) {
	t.Parallel()
	s := newService(t)
	form := s.policy("a/b")
	if !strings.HasSuffix(form.URL, "/bucket/") {
		t.Fatalf("the address is %s", form.URL)
	}
	s.want("as signed", s.post(form.URL, form.Fields, "abc"), 201, "")
	attributes, err := s.client().Object("a/b").Attrs(t.Context())
	if err != nil || attributes.ContentType != "text/plain" || attributes.Metadata["owner"] != "me" || s.content("a/b") != "abc" {
		t.Errorf("stored: %+v, %v", attributes, err)
	}
	form.Fields["x-ignore-this"] = "1"
	s.want("with a field to ignore", s.post(form.URL, form.Fields, "abcd"), 201, "")
}

// Each part of the policy binds: a form that differs is refused and stores nothing.
func TestFormIsBoundByItsPolicy(t *testing.T) {
	t.Parallel()
	s := newService(t)
	form := s.policy("a")
	s.want("too short", s.post(form.URL, form.Fields, "a"), 400, "EntityTooSmall")
	s.want("too long", s.post(form.URL, form.Fields, "abcde"), 400, "EntityTooLarge")
	s.want("other bucket", s.post(strings.Replace(form.URL, "/bucket/", "/other/", 1), form.Fields, "abc"), 400, "InvalidPolicy")
	other, err := base64.StdEncoding.DecodeString(form.Fields["policy"])
	if err != nil {
		t.Fatal(err)
	}
	wider := base64.StdEncoding.EncodeToString(bytes.Replace(other, []byte("2,4"), []byte("2,9"), 1))
	for _, c := range []struct {
		name, value string
		status      int
		code        string
	}{
		{"key", "b", 400, "InvalidPolicyDocument"},
		{"content-type", "text/html", 400, "InvalidPolicyDocument"},
		{"content-type", "", 400, "InvalidPolicyDocument"},
		{"x-goog-meta-owner", "you", 400, "InvalidPolicyDocument"},
		{"acl", "public-read", 400, "InvalidPolicyDocument"},
		{"", "unnamed", 400, "InvalidPolicyDocument"},
		{"Key", "a", 400, "MalformedPOSTRequest"},
		{"policy", wider, 403, "SignatureDoesNotMatch"},
		{"policy", "", 403, "AccessDenied"},
		{"x-goog-signature", strings.Repeat("0", 512), 403, "SignatureDoesNotMatch"},
		{"x-goog-signature", "", 403, "SignatureDoesNotMatch"},
		{"x-goog-credential", "x/20200101/auto/storage/goog4_request", 403, "SignatureDoesNotMatch"},
		{"x-goog-date", "20200101T000000Z", 403, "SignatureDoesNotMatch"},
	} {
		fields := maps.Clone(form.Fields)
		fields[c.name] = c.value
		if c.value == "" {
			delete(fields, c.name)
		}
		s.want(c.name+" "+c.value, s.post(form.URL, fields, "abc"), c.status, c.code)
	}
	s.later(61 * time.Minute)
	s.want("expired", s.post(form.URL, form.Fields, "abc"), 400, "ExpiredToken")
	s.front.Now = time.Now
	for _, name := range []string{"a", "b"} {
		if got := s.content(name); got != "" {
			t.Errorf("a refused form stored %q in %s", got, name)
		}
	}
}

// With a prefix in the policy the form names the object, and the browser the file.
func TestFormWithPrefix(t *testing.T) {
	t.Parallel()
	s := newService(t)
	form := s.policy("", storage.ConditionStartsWith("$key", "in/"))
	// Google's library makes a condition for the object of its argument; without one there is only the prefix.
	form.Fields["key"] = "in/${filename}"
	s.want("below the prefix", s.post(form.URL, form.Fields, "abc"), 201, "")
	if got := s.content("in/my name.txt"); got != "abc" {
		t.Errorf("stored: %q", got)
	}
	form.Fields["key"] = "out/a"
	s.want("elsewhere", s.post(form.URL, form.Fields, "abc"), 400, "InvalidPolicyDocument")
}
