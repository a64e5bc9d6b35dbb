package gcsfront

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// read passes a read on if its conditions hold. A version that is not wanted by ifGenerationNotMatch is 304, as for any
// conditional read of HTTP.
func (f *Front) read(w http.ResponseWriter, r *http.Request, t target) *refusal {
	wanted := t.conditions(r)
	if wanted != (conditions{}) {
		found := f.stat(r, t.bucket, t.object)
		if found == nil {
			wanted = conditions{} // the emulator says that there is none
		}
		if refused := wanted.check(found); refused != nil {
			if wanted.generation == "" && wanted.metageneration == "" {
				refused.status = http.StatusNotModified
			}
			return refused
		}
	}
	media := t.api == xmlAPI || r.URL.Query().Get("alt") == "media" || strings.HasPrefix(r.URL.Path, "/download/")
	if media {
		f.media(w, r, t)
		return nil
	}
	a := f.hold(r, nil)
	f.count(a, t.bucket)
	a.send(w)
	return nil
}

// media passes an object's bytes on, with what the emulator leaves out of the header.
func (f *Front) media(w http.ResponseWriter, r *http.Request, t target) {
	if t.object != "" {
		if found := f.stat(r, t.bucket, t.object); found != nil {
			w.Header().Set("Content-Type", "application/octet-stream") // unless the object has one
			w.Header().Set("X-Goog-Metageneration", strconv.FormatInt(found.Metageneration, 10))
		}
	}
	f.forward(w, r)
}

// change passes a request on that changes something other than by an upload, if its conditions hold.
func (f *Front) change(w http.ResponseWriter, r *http.Request, t target) *refusal {
	body, refused := readBody(r)
	if refused != nil {
		return refused
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	destination := t
	if t.to != nil {
		destination = *t.to
	}
	before := f.stat(r, destination.bucket, destination.object)
	if refused := f.checkSources(r, t, body); refused != nil {
		return refused
	}
	missing := before == nil && t.verb == "" && t.object != "" // then the emulator says so
	if refused := t.conditions(r).check(before); refused != nil && !missing {
		return refused
	}
	a, refused := f.answer(r, t, body)
	if refused != nil {
		return refused
	}
	if a.good() && t.verb == "" && (r.Method == http.MethodPatch || r.Method == http.MethodPut) {
		f.patched(t.name(), before)
		a = f.ask(r, objectPath(t.bucket, t.object)) // the emulator's answer has other fields
	}
	f.count(a, destination.bucket)
	a.send(w)
	return nil
}

// answer lets the emulator do what is asked, or does it where the emulator does it otherwise than the service.
func (f *Front) answer(r *http.Request, t target, body []byte) (*answer, *refusal) {
	switch {
	case t.to != nil:
		return f.rewrite(r, t, body)
	case t.verb == "compose":
		return f.compose(r, t, body)
	}
	return f.hold(r, body), nil
}

// readBody reads all of a request, or refuses one that breaks off.
func readBody(r *http.Request) ([]byte, *refusal) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "IncompleteBody", "The request broke off: %v", err)
	}
	return body, nil
}

// count puts the true metagenerations into an answer of the JSON API.
func (f *Front) count(a *answer, bucket string) {
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(a.body.Bytes()))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil || !f.countIn(value, bucket) {
		return
	}
	text, err := json.Marshal(value)
	if err != nil {
		return
	}
	a.body.Reset()
	a.body.Write(text)
}

// countIn reports whether it changed a value: one object, or those within.
func (f *Front) countIn(value any, bucket string) (changed bool) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			changed = f.countIn(item, bucket) || changed
		}
	case map[string]any:
		for _, field := range []string{"items", "resource"} {
			changed = f.countIn(value[field], bucket) || changed
		}
		name, _ := value["name"].(string)
		text, _ := value["generation"].(string)
		generation, err := strconv.ParseInt(text, 10, 64)
		if value["kind"] == "storage#object" && err == nil {
			if n := f.metageneration(bucket+"/"+name, generation); n != 1 {
				value["metageneration"] = strconv.FormatInt(n, 10)
				changed = true
			}
		}
	}
	return changed
}
