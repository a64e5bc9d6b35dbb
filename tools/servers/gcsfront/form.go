package gcsfront

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// form is what a browser posts: fields, by their names in lower case, and one file after them.
type form struct {
	fields   map[string]string
	filename string
	content  []byte
}

// postForm stores an object by a form with a signed policy
// (https://cloud.google.com/storage/docs/xml-api/post-object-forms). The emulator does not look at the policy, knows
// some fields by one spelling only, and not the address that ends in a slash.
func (f *Front) postForm(w http.ResponseWriter, r *http.Request, t target) *refusal {
	body, refused := readBody(r)
	if refused != nil {
		return refused
	}
	posted, err := parseForm(r.Header.Get("Content-Type"), body)
	if err != nil {
		return refuse(http.StatusBadRequest, "MalformedPOSTRequest",
			"The body of your POST request is not well-formed multipart/form-data.")
	}
	if refused := f.checkPolicy(t.bucket, posted); refused != nil {
		return refused
	}
	posted.fields["key"] = strings.ReplaceAll(posted.fields["key"], "${filename}", posted.filename)
	text, contentType, err := posted.encode()
	if err != nil {
		return refuse(http.StatusInternalServerError, "InternalError", "%v", err)
	}
	inner := r.Clone(r.Context())
	inner.URL = &url.URL{Path: "/" + t.bucket}
	inner.RequestURI = inner.URL.RequestURI()
	inner.Header.Set("Content-Type", contentType)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.hold(inner, text).send(w)
	return nil
}

func parseForm(contentType string, body []byte) (*form, error) {
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	posted := &form{fields: map[string]string{}}
	parts := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil { // the file must be there, as the last field
			return nil, err
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		if part.FormName() == "file" {
			posted.filename, posted.content = part.FileName(), value
			return posted, nil
		}
		name := strings.ToLower(part.FormName())
		if _, again := posted.fields[name]; again {
			return nil, errors.New("two fields of one name")
		}
		posted.fields[name] = string(value)
	}
}

// encode writes the form once more, with the spelling of fields that the emulator knows.
func (p *form) encode() (text []byte, contentType string, err error) {
	var buffer bytes.Buffer
	writer := multipart.NewWriter(&buffer)
	for name, value := range p.fields {
		if strings.HasPrefix(name, "content-") || name == "cache-control" {
			name = textproto.CanonicalMIMEHeaderKey(name)
		}
		if err := writer.WriteField(name, value); err != nil {
			return nil, "", err
		}
	}
	file, err := writer.CreateFormFile("file", "file")
	if err != nil {
		return nil, "", err
	}
	if _, err := file.Write(p.content); err != nil {
		return nil, "", err
	}
	err = writer.Close()
	return buffer.Bytes(), writer.FormDataContentType(), err
}
