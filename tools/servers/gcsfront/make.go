package gcsfront

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
)

// metadata is an object's resource, as it came.
type metadata map[string]any

// editable are the fields that a copy takes from its source if the request has none
// (https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite#request-body).
var editable = []string{
	"contentType", "contentEncoding", "contentDisposition", "contentLanguage", "cacheControl", "customTime", "metadata",
}

// rewrite copies an object. The emulator would mix the header and metadata of the source into those of the request; the
// service takes those of the request alone, unless it has none at all.
func (f *Front) rewrite(r *http.Request, t target, body []byte) (*answer, *refusal) {
	wanted := metadata{}
	if len(body) > 0 && json.Unmarshal(body, &wanted) != nil {
		return nil, refuse(http.StatusBadRequest, "parseError", "Parse Error")
	}
	content, source, refused := f.source(r, t.bucket, t.object, r.URL.Query().Get("sourceGeneration"))
	if refused != nil {
		return nil, refused
	}
	if len(wanted) == 0 {
		for _, field := range editable {
			if value, has := source[field]; has {
				wanted[field] = value
			}
		}
	}
	a := f.insert(r, *t.to, wanted, content)
	if a.good() && t.verb == "rewriteTo" {
		a.wrap(len(content))
	}
	return a, nil
}

// wrap turns an answer that is an object into that of a copy which is done.
func (a *answer) wrap(size int) {
	text, err := json.Marshal(map[string]any{
		"kind": "storage#rewriteResponse", "done": true, "resource": json.RawMessage(a.body.Bytes()),
		"totalBytesRewritten": strconv.Itoa(size), "objectSize": strconv.Itoa(size),
	})
	if err == nil {
		a.body.Reset()
		a.body.Write(text)
	}
}

// mostComposed is https://cloud.google.com/storage/quotas#objects
const mostComposed = 32

// compose joins objects (https://cloud.google.com/storage/docs/json_api/v1/objects/compose). The emulator would keep header
// and metadata of an object that is replaced, and not look at the checksum.
func (f *Front) compose(r *http.Request, t target, body []byte) (*answer, *refusal) {
	var request struct {
		SourceObjects []struct {
			Name       string `json:"name"`
			Generation string `json:"generation"`
		} `json:"sourceObjects"`
		Destination metadata `json:"destination"`
	}
	if json.Unmarshal(body, &request) != nil {
		return nil, refuse(http.StatusBadRequest, "parseError", "Parse Error")
	}
	if n := len(request.SourceObjects); n < 1 || n > mostComposed {
		return nil, refuse(http.StatusBadRequest, "invalid",
			"The number of source components provided (%d) must be from 1 to %d.", n, mostComposed)
	}
	var content []byte
	for _, source := range request.SourceObjects {
		part, _, refused := f.source(r, t.bucket, source.Name, source.Generation)
		if refused != nil {
			return nil, refused
		}
		content = append(content, part...)
	}
	return f.insert(r, t, request.Destination, content), nil
}

// source is the content of an object, as it is stored, and its resource. A generation of "" is the live one.
func (f *Front) source(r *http.Request, bucket, object, generation string) ([]byte, metadata, *refusal) {
	path := objectPath(bucket, object)
	attributes, content := f.ask(r, path), f.ask(r, path+"?alt=media")
	found := metadata{}
	missing := !attributes.good() || !content.good() || json.Unmarshal(attributes.body.Bytes(), &found) != nil
	if missing || generation != "" && generation != found["generation"] {
		return nil, nil, refuse(http.StatusNotFound, "notFound", "No such object: %s/%s", bucket, object)
	}
	return content.body.Bytes(), found, nil
}

// insert stores an object with exactly these attributes. They become visible together, but for an access control list of
// the resource, which follows.
func (f *Front) insert(r *http.Request, to target, wanted metadata, content []byte) *answer {
	text, err := json.Marshal(wanted)
	if err != nil {
		panic(err) // it was JSON
	}
	contentType, _ := wanted["contentType"].(string)
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	for _, part := range []struct {
		contentType string
		content     []byte
	}{{"application/json", text}, {contentType, content}} {
		field, err := writer.CreatePart(textproto.MIMEHeader{"Content-Type": {part.contentType}})
		if err != nil {
			panic(err) // a buffer takes everything
		}
		field.Write(part.content)
	}
	writer.Close()
	query := url.Values{"uploadType": {"multipart"}, "name": {to.object}}
	if list := r.URL.Query().Get("destinationPredefinedAcl"); list != "" {
		query.Set("predefinedAcl", list)
	}
	a := f.order(r, http.MethodPost, "/upload/storage/v1/b/"+url.PathEscape(to.bucket)+"/o?"+query.Encode(),
		"multipart/related; boundary="+writer.Boundary(), body.Bytes())
	if list, has := wanted["acl"]; has && a.good() {
		return f.restrict(r, to, list)
	}
	return a
}

// restrict gives a new object its access control list, and answers with the object.
func (f *Front) restrict(r *http.Request, to target, list any) *answer {
	text, err := json.Marshal(metadata{"acl": list})
	if err != nil {
		panic(err) // it was JSON
	}
	path := objectPath(to.bucket, to.object)
	if a := f.order(r, http.MethodPatch, path, "application/json", text); !a.good() {
		return a
	}
	return f.ask(r, path+"?projection=full")
}
