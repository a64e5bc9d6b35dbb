package s3_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

func (s *signServer) form(req dossier.FormRequest) dossier.SignedForm {
	s.Helper()
	req.Key = s.folder + req.Key
	if req.TTL == 0 {
		req.TTL = time.Hour
	}
	form, err := s.store.SignForm(s.Context(), req)
	if err != nil {
		s.Fatalf("sign form %+v: %v", req, err)
	}
	return form
}

// post sends a form as a browser does.
func (s *signServer) post(form dossier.SignedForm, content string) (int, string) {
	s.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, field := range form.Fields {
		if err := w.WriteField(field.Name, field.Value); err != nil {
			s.Fatal(err)
		}
	}
	file, err := w.CreateFormFile("file", "f.bin")
	if err != nil {
		s.Fatal(err)
	}
	_, _ = file.Write([]byte(content)) // into memory
	_ = w.Close()                      // into memory
	signed := dossier.SignedRequest{Method: "POST", URL: form.URL, Header: http.Header{"Content-Type": {w.FormDataContentType()}}}
	status, _, answer := s.send(signed, body.String(), nil)
	return status, answer
}

// A form is the only upload of a browser without scripts; it must store what it was signed for.
func TestSignedFormStoresItsFile(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		for _, key := range []string{"a/b", "a b+c%2F&=.txt", "é\U0001F600", `q"'<z>`, "$key", "a$"} {
			form := s.form(dossier.FormRequest{Key: key})
			for _, content := range []string{"", "content", strings.Repeat("0123456789", 20_000)} {
				if status, answer := s.post(form, content); !good(status) {
					s.Errorf("%q, %d bytes: %d %s", key, len(content), status, answer)
				}
				s.holds(key, content)
			}
		}
	})
}

// Without its limits, one form fills the bucket.
func TestSignedFormBindsTheLength(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		for _, c := range []struct {
			least, most int64
			size        int
			good        bool
		}{
			{5, 10, 4, false},
			{5, 10, 5, true},
			{5, 10, 10, true},
			{5, 10, 11, false},
			{5, 10, 0, false},
			{5, 0, 4, false},
			{5, 0, 100, true},
			{0, 10, 0, true},
			{0, 10, 11, false},
		} {
			s.put("a", "old content")
			form := s.form(dossier.FormRequest{Key: "a", MinLength: c.least, MaxLength: c.most})
			content := strings.Repeat("x", c.size)
			if status, answer := s.post(form, content); good(status) != c.good {
				s.Errorf("%+v: %d %s", c, status, answer)
			}
			if !c.good {
				content = "old content"
			}
			s.holds("a", content)
		}
	})
}

// Every field is under the policy, so that nobody uploads a page of theirs, or under another name.
func TestSignedFormBindsEveryField(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		metadata := map[string]string{"name": "Ünï & <b>"}
		form := s.form(dossier.FormRequest{Key: "a", MaxLength: 100, ContentType: "image/png", Metadata: metadata})
		refused := func(what string, fields []dossier.FormField) {
			s.Helper()
			s.put("a", "old content")
			if status, answer := s.post(dossier.SignedForm{URL: form.URL, Fields: fields}, "new content"); good(status) {
				s.Errorf("%s: %d %s", what, status, answer)
			}
			s.holds("a", "old content")
		}
		for i, field := range form.Fields {
			refused("no "+field.Name, slices.Delete(slices.Clone(form.Fields), i, i+1))
			changed := slices.Clone(form.Fields)
			changed[i].Value = "x" + field.Value
			refused("another "+field.Name, changed)
		}
		for _, more := range []dossier.FormField{
			{Name: "acl", Value: "public-read"}, {Name: "x-amz-meta-evil", Value: "x"},
			{Name: "success_action_redirect", Value: "https://evil.example"},
		} {
			refused("one more: "+more.Name, append(slices.Clone(form.Fields), more))
		}
		if status, answer := s.post(form, "new content"); !good(status) {
			s.Errorf("nothing changed: %d %s", status, answer)
		}
		_, got := s.content("a")
		if aws.ToString(got.ContentType) != "image/png" || !maps.Equal(s3.ShownMetadata(got.Metadata), metadata) {
			s.Errorf("stored as %q with %q", aws.ToString(got.ContentType), got.Metadata)
		}
	})
}

// A form that never ends is a public upload.
func TestSignedFormEnds(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		s3.SetSigningClock(s.store, func() time.Time { return time.Now().Add(-time.Hour) })
		if status, answer := s.post(s.form(dossier.FormRequest{Key: "a", TTL: 59 * time.Minute}), "content"); good(status) {
			s.Errorf("%d %s", status, answer)
		}
		s.holds("a", "")
		if status, answer := s.post(s.form(dossier.FormRequest{Key: "a", TTL: 2 * time.Hour}), "content"); !good(status) {
			s.Errorf("%d %s", status, answer)
		}
	})
}

// The tags of the configuration decide about the life of objects; uploads past the process must have them too.
func TestSignedUploadsHaveTheTagsOfTheConfiguration(t *testing.T) {
	onSignServers(t, func(s *signServer) {
		tags := map[string]string{"kind": "up load", "x": "a=b+c"}
		s.store = s.signer(s3.Config{Tags: tags})
		if status, _, answer := s.send(s.sign(dossier.SignRequest{Method: "PUT", Key: "put"}), "content", nil); !good(status) {
			s.Errorf("PUT: %d %s", status, answer)
		}
		if status, answer := s.post(s.form(dossier.FormRequest{Key: "form"}), "content"); !good(status) {
			s.Errorf("form: %d %s", status, answer)
		}
		for _, key := range []string{"put", "form"} {
			key = s.folder + key
			got, err := s.client.GetObjectTagging(s.Context(), &awss3.GetObjectTaggingInput{Bucket: &s.bucket, Key: &key})
			if err != nil {
				s.Fatal(err)
			}
			found := map[string]string{}
			for _, tag := range got.TagSet {
				found[*tag.Key] = *tag.Value
			}
			if !maps.Equal(found, tags) {
				s.Errorf("%s has the tags %q, want %q", key, found, tags)
			}
		}
	})
}

// Fields and policy are the interface to whoever builds the HTML, and must not depend on chance.
func TestSignedFormHasItsFieldsInOrder(t *testing.T) {
	of := credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "token")
	backend := newSigner(t, offline(t, of), "bucket", s3.Config{
		Class: "STANDARD_IA", ACL: "private", Tags: map[string]string{"b": "1", "a": "x y"},
		SSE: s3.Encryption{Algorithm: "aws:kms", KMSKeyID: "key"},
	})
	form, err := backend.SignForm(t.Context(), dossier.FormRequest{
		Key: "a/b", TTL: time.Hour, MinLength: 1, MaxLength: 10, ContentType: "image/png",
		Metadata: map[string]string{"y": "2", "x": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if form.URL != "https://bucket.s3.us-east-1.amazonaws.com/" || !form.NotAfter.Equal(signClock.Add(time.Hour)) {
		t.Errorf("%s until %v", form.URL, form.NotAfter)
	}
	want := []dossier.FormField{
		{Name: "key", Value: "a/b"},
		{Name: "Content-Type", Value: "image/png"},
		{Name: "x-amz-meta-x", Value: "1"},
		{Name: "x-amz-meta-y", Value: "2"},
		{Name: "x-amz-storage-class", Value: "STANDARD_IA"},
		{Name: "acl", Value: "private"},
		{Name: "tagging", Value: "<Tagging><TagSet><Tag><Key>a</Key><Value>x y</Value></Tag>" +
			"<Tag><Key>b</Key><Value>1</Value></Tag></TagSet></Tagging>"},
		{Name: "x-amz-server-side-encryption", Value: "aws:kms"},
		{Name: "x-amz-server-side-encryption-aws-kms-key-id", Value: "key"},
		{Name: "X-Amz-Algorithm", Value: "AWS4-HMAC-SHA256"},
		{Name: "X-Amz-Credential", Value: "AKIDEXAMPLE/20260228/us-east-1/s3/aws4_request"},
		{Name: "X-Amz-Date", Value: "20260228T235958Z"},
		{Name: "X-Amz-Security-Token", Value: "token"},
	}
	if len(form.Fields) != len(want)+2 {
		t.Fatalf("fields %+v", form.Fields)
	}
	got, last := form.Fields[:len(want)], form.Fields[len(want):]
	if !slices.Equal(got, want) || last[0].Name != "policy" || last[1].Name != "X-Amz-Signature" {
		t.Errorf("got  %q, %q\nwant %q", got, last, want)
	}
	checkPolicy(t, last[0].Value, want)
}

// checkPolicy expects a condition for each field, and the bucket, the lengths and the end.
func checkPolicy(t *testing.T, encoded string, fields []dossier.FormField) {
	t.Helper()
	document, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Expiration time.Time
		Conditions []any
	}
	if err := json.Unmarshal(document, &policy); err != nil {
		t.Fatal(err)
	}
	want := []any{map[string]any{"bucket": "bucket"}}
	for _, field := range fields {
		want = append(want, map[string]any{field.Name: field.Value})
	}
	want = append(want, []any{"content-length-range", 1.0, 10.0})
	got, _ := json.Marshal(policy.Conditions) // was JSON
	expected, _ := json.Marshal(want)         // plain values
	if !bytes.Equal(got, expected) || !policy.Expiration.Equal(signClock.Add(time.Hour)) {
		t.Errorf("policy %s\nwant   %s", document, expected)
	}
}

// What a policy cannot bind must not be left out in silence.
func TestSignFormRefusesWhatAPolicyCannotBind(t *testing.T) {
	type request = dossier.FormRequest
	const point = "arn:aws:s3:us-east-1:123456789012:accesspoint/point"
	metadata := func(name, value string) request { return request{Metadata: map[string]string{name: value}} }
	key := s3.Config{SSE: s3.Encryption{CustomerKey: make([]byte, 32)}}
	for name, c := range map[string]struct {
		bucket string
		cfg    s3.Config
		req    request
		want   error
	}{
		"create-only":             {"", s3.Config{}, request{If: dossier.Condition{IfAbsent: true}}, errors.ErrUnsupported},
		"the file's name in keys": {"", s3.Config{}, request{Key: "a/${filename}"}, errors.ErrUnsupported},
		"… in metadata":           {"", s3.Config{}, metadata("a", "${filename}"), errors.ErrUnsupported},
		"reserved metadata":       {"", s3.Config{}, metadata("dossier_put_id", "x"), dossier.ErrInvalid},
		"too long a life":         {"", s3.Config{}, request{TTL: 7*24*time.Hour + 1}, dossier.ErrInvalid},
		"a customer key":          {"", key, request{}, errors.ErrUnsupported},
		"an access point":         {point, s3.Config{}, request{}, errors.ErrUnsupported},
		"no forms":                {"", s3.Config{Without: dossier.SignPost}, request{}, errors.ErrUnsupported},
		"no metadata":             {"", s3.Config{Without: dossier.StoresMetadata}, metadata("a", "b"), errors.ErrUnsupported},
	} {
		c.req.Key, c.req.TTL = cmp.Or(c.req.Key, "a"), cmp.Or(c.req.TTL, time.Hour)
		backend := newSigner(t, offline(t, permanent()), cmp.Or(c.bucket, "bucket"), c.cfg)
		form, err := backend.SignForm(t.Context(), c.req)
		if !errors.Is(err, c.want) || len(form.Fields) > 0 {
			t.Errorf("%s: %+v, %v", name, form, err)
		}
	}
}

// The vendor's own signer is the measure of the signature over a policy.
func TestSignedFormIsSignedAsTheSDKDoes(t *testing.T) {
	for name, endpoint := range endpoints() {
		client := awss3.New(endpoint.options)
		if strings.HasPrefix(endpoint.bucket, "arn:") {
			continue // refused
		}
		input := &awss3.PutObjectInput{Bucket: &endpoint.bucket, Key: aws.String("a/b")}
		theirs, err := awss3.NewPresignClient(client).PresignPostObject(t.Context(), input)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse("20060102T150405Z", theirs.Values["X-Amz-Date"])
		if err != nil {
			t.Fatal(err)
		}
		backend := newSigner(t, endpoint.options, endpoint.bucket, s3.Config{})
		s3.SetSigningClock(backend, func() time.Time { return at })
		ours, err := backend.SignForm(t.Context(), dossier.FormRequest{Key: "a/b", TTL: 15 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSuffix(ours.URL, "/") != strings.TrimSuffix(theirs.URL, "/") || len(ours.Fields) != len(theirs.Values) {
			t.Errorf("%s: %s %+v\nwant %s %+v", name, ours.URL, ours.Fields, theirs.URL, theirs.Values)
		}
		for _, field := range ours.Fields {
			if field.Name != "policy" && field.Name != "X-Amz-Signature" && theirs.Values[field.Name] != field.Value {
				t.Errorf("%s: %s is %q, want %q", name, field.Name, field.Value, theirs.Values[field.Name])
			}
		}
		if got := s3.PolicySignature(t.Context(), backend, at, theirs.Values["policy"]); got != theirs.Values["X-Amz-Signature"] {
			t.Errorf("%s: the signature of the SDK's policy is %s, want %s", name, got, theirs.Values["X-Amz-Signature"])
		}
	}
}
