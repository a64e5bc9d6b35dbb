package gcs

import (
	"encoding/binary"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
)

// putIDName is the metadata that names the write an object comes from. It is never shown as metadata.
const putIDName = "dossier_put_id"

// infoOf describes what the store says of an object. The generation is the version: it is made anew by every write of
// the content, and never used again for the same name.
func infoOf(a *storage.ObjectAttrs) dossier.Info {
	info := dossier.Info{
		Key: a.Name, Size: a.Size, Version: versionOf(a.Generation), ETag: `"` + string(versionOf(a.Generation)) + `"`,
		ModTime: a.Created.UTC(), Metadata: maps.Clone(a.Metadata), PutID: a.Metadata[putIDName],
		Header: dossier.Header{
			ContentType: a.ContentType, ContentDisposition: a.ContentDisposition, ContentEncoding: a.ContentEncoding,
			ContentLanguage: a.ContentLanguage, CacheControl: a.CacheControl,
		},
		Checksums: dossier.Checksums{CRC32C: binary.BigEndian.AppendUint32(nil, a.CRC32C)},
	}
	if len(a.MD5) > 0 {
		info.Checksums.MD5 = a.MD5
	}
	delete(info.Metadata, putIDName)
	if len(info.Metadata) == 0 {
		info.Metadata = nil
	}
	return info
}

// attributesOf is what the store is to keep with an object.
func attributesOf(key string, header dossier.Header, metadata map[string]string, putID string) storage.ObjectAttrs {
	all := make(map[string]string, len(metadata)+1)
	maps.Copy(all, metadata)
	all[putIDName] = putID
	return storage.ObjectAttrs{
		Name: key, ContentType: header.ContentType, ContentDisposition: header.ContentDisposition,
		ContentEncoding: header.ContentEncoding, ContentLanguage: header.ContentLanguage, CacheControl: header.CacheControl,
		Metadata: all,
	}
}

func versionOf(generation int64) dossier.Version {
	return dossier.Version(strconv.FormatInt(generation, 10))
}

// generationOf returns the generation that a version names. A version that this store cannot have made is not the
// present one, whatever that is.
func generationOf(version dossier.Version) (int64, error) {
	generation, err := strconv.ParseInt(string(version), 10, 64)
	if err != nil || generation <= 0 || versionOf(generation) != version {
		return 0, fmt.Errorf("%w: %q is no version of this store", dossier.ErrPrecondition, version)
	}
	return generation, nil
}

// withCondition returns a handle whose writes depend on the condition.
func withCondition(o *storage.ObjectHandle, cond dossier.Condition) (*storage.ObjectHandle, error) {
	switch {
	case cond.IfAbsent:
		return o.If(storage.Conditions{DoesNotExist: true}), nil
	case cond.Match != "":
		generation, err := generationOf(cond.Match)
		if err != nil {
			return nil, err
		}
		return o.If(storage.Conditions{GenerationMatch: generation}), nil
	}
	return o, nil
}

// predefinedACL is the JSON API's name of an access control list; those of the XML API ("public-read") are understood.
func predefinedACL(name string) string {
	words := strings.Split(name, "-")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}
