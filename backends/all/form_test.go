package all_test

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
)

// post sends a signed form with a file, after change of its fields.
func (s *signing) post(form dossier.SignedForm, content string, change func(fields map[string]string)) (int, string) {
	s.Helper()
	fields := map[string]string{}
	for _, field := range form.Fields {
		fields[field.Name] = field.Value
	}
	if change != nil {
		change(fields)
	}
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	for _, field := range form.Fields {
		if value, is := fields[field.Name]; is {
			s.wants(writer.WriteField(field.Name, value))
			delete(fields, field.Name)
		}
	}
	for name, value := range fields {
		s.wants(writer.WriteField(name, value))
	}
	part, err := writer.CreateFormFile("file", "a.txt")
	s.wants(err)
	_, err = io.WriteString(part, content)
	s.wants(err)
	s.wants(writer.Close())
	r, err := http.NewRequestWithContext(s.Context(), "POST", form.URL, &body)
	s.wants(err)
	r.Header.Set("Content-Type", writer.FormDataContentType())
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return -1, err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func (s *signing) wants(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// A form is bound to its key, size and type, or it is not signed.
func (s *signing) checkForms() {
	req := dossier.FormRequest{Key: "form/a", TTL: time.Hour, MinLength: 3, MaxLength: 5, ContentType: "text/plain"}
	form, err := dossier.SignForm(s.Context(), s.store, req)
	if !s.can(dossier.SignPost) {
		if !errors.Is(err, errors.ErrUnsupported) {
			s.Errorf("a form is signed without the capability: %v", err)
		}
		return
	}
	s.wants(err)
	for name, wrong := range map[string]struct {
		content string
		change  func(map[string]string)
	}{
		"too short":      {"12", nil},
		"too long":       {"123456", nil},
		"another key":    {"1234", func(f map[string]string) { f["key"] = strings.Replace(f["key"], "form/a", "form/b", 1) }},
		"another type":   {"1234", func(f map[string]string) { setType(f, "text/html") }},
		"no type":        {"1234", func(f map[string]string) { dropType(f) }},
		"a field more":   {"1234", func(f map[string]string) { f["x-amz-acl"], f["acl"], f["X-Dossier-Acl"] = "public-read", "x", "x" }},
		"broken":         {"1234", func(f map[string]string) { breakSignature(f) }},
		"without policy": {"1234", func(f map[string]string) { delete(f, "policy"); delete(f, "X-Dossier-Signature") }},
	} {
		if status, body := s.post(form, wrong.content, wrong.change); status >= 200 && status < 300 {
			s.Errorf("%s: %d %.200s", name, status, body)
		}
		if s.content("form/a")+s.content("form/b") != "" {
			s.Fatalf("%s: something was stored", name)
		}
	}
	if status, body := s.post(form, "1234", nil); status < 200 || status >= 300 || s.content("form/a") != "1234" {
		s.Errorf("the form as it was signed: %d %.300s", status, body)
	}
}

// typeField finds the field that holds the content type.
func typeField(fields map[string]string) string {
	for name, value := range fields {
		if value == "text/plain" {
			return name
		}
	}
	return "Content-Type"
}

func setType(fields map[string]string, value string) { fields[typeField(fields)] = value }

func dropType(fields map[string]string) { delete(fields, typeField(fields)) }

// breakSignature changes the first character of the signature.
func breakSignature(fields map[string]string) {
	for name, value := range fields {
		if strings.HasSuffix(strings.ToLower(name), "signature") {
			first := another(value[0])
			if first == value[0] { // '-' and '_' are characters of base64url
				first = 'A'
			}
			fields[name] = string(first) + value[1:]
		}
	}
}
