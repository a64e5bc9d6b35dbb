package gcsfront

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

// conditions are what a request wants to be so, by the names of the JSON API without "if", "ifSource" and the like
// (https://cloud.google.com/storage/docs/request-preconditions). A missing one is "".
type conditions struct {
	generation, notGeneration, metageneration, notMetageneration string
}

// queryConditions are those of the JSON API, with a prefix "if" or "ifSource".
func queryConditions(query url.Values, prefix string) conditions {
	return conditions{
		generation:        query.Get(prefix + "GenerationMatch"),
		notGeneration:     query.Get(prefix + "GenerationNotMatch"),
		metageneration:    query.Get(prefix + "MetagenerationMatch"),
		notMetageneration: query.Get(prefix + "MetagenerationNotMatch"),
	}
}

// headerConditions are those of the XML API.
func headerConditions(header http.Header) conditions {
	return conditions{
		generation:     header.Get("X-Goog-If-Generation-Match"),
		metageneration: header.Get("X-Goog-If-Metageneration-Match"),
	}
}

func (t target) conditions(r *http.Request) conditions {
	if t.api == xmlAPI {
		return headerConditions(r.Header)
	}
	return queryConditions(r.URL.Query(), "if")
}

// check holds the conditions against an object, which is nil if there is none. The generation 0 means that there is none.
func (c conditions) check(found *resource) *refusal {
	if c == (conditions{}) {
		return nil
	}
	var generation, metageneration int64
	if found != nil {
		generation, metageneration = found.Generation, found.Metageneration
	}
	for _, one := range []struct {
		wanted  string
		actual  int64
		differs bool
	}{
		{c.generation, generation, false},
		{c.notGeneration, generation, true},
		{c.metageneration, metageneration, false},
		{c.notMetageneration, metageneration, true},
	} {
		wanted, err := strconv.ParseInt(one.wanted, 10, 64)
		switch {
		case one.wanted == "":
		case err != nil:
			return refuse(http.StatusBadRequest, "invalid", "Invalid condition: %s", one.wanted)
		case (wanted == one.actual) == one.differs:
			return refuse(http.StatusPreconditionFailed, "conditionNotMet",
				"At least one of the pre-conditions you specified did not hold.")
		}
	}
	return nil
}

// version counts the changes of an object's metadata, which the emulator does not.
type version struct{ generation, metageneration int64 }

func (f *Front) metageneration(name string, generation int64) int64 {
	f.versionsMutex.Lock()
	defer f.versionsMutex.Unlock()
	if v := f.versions[name]; v.generation == generation && generation != 0 {
		return v.metageneration
	}
	return 1
}

// patched counts one change of an object's metadata.
func (f *Front) patched(name string, before *resource) {
	if before == nil {
		return
	}
	f.versionsMutex.Lock()
	defer f.versionsMutex.Unlock()
	f.versions[name] = version{before.Generation, before.Metageneration + 1}
}

// checkSources checks the conditions on what a copy or a composed object is made from.
func (f *Front) checkSources(r *http.Request, t target, body []byte) *refusal {
	if t.to != nil {
		return queryConditions(r.URL.Query(), "ifSource").check(f.stat(r, t.bucket, t.object))
	}
	if t.verb != "compose" {
		return nil
	}
	var request struct {
		SourceObjects []struct {
			Name                string `json:"name"`
			Generation          string `json:"generation"`
			ObjectPreconditions struct {
				IfGenerationMatch string `json:"ifGenerationMatch"`
			} `json:"objectPreconditions"`
		} `json:"sourceObjects"`
	}
	if json.Unmarshal(body, &request) != nil {
		return refuse(http.StatusBadRequest, "parseError", "Parse Error")
	}
	for _, source := range request.SourceObjects {
		found := f.stat(r, t.bucket, source.Name)
		if found == nil || source.Generation != "" && source.Generation != strconv.FormatInt(found.Generation, 10) {
			return refuse(http.StatusNotFound, "notFound", "Object %s (generation: %s) not found.", source.Name, source.Generation)
		}
		if refused := (conditions{generation: source.ObjectPreconditions.IfGenerationMatch}).check(found); refused != nil {
			return refused
		}
	}
	return nil
}
