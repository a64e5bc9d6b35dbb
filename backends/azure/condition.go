package azure

import (
	"errors"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/dossier-go/dossier"
)

// foreign reports whether a version cannot be an ETag of this service. Such a version never reaches the server, where "*"
// and lists have a meaning.
func foreign(v dossier.Version) bool {
	inner, opened := strings.CutPrefix(string(v), `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	return !opened || !closed || inner == "" || strings.ContainsFunc(inner, notOfETag)
}

func notOfETag(r rune) bool {
	return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_')
}

// conditions are the access conditions of a request; nil for none. A Match that no object can have is ErrPrecondition, a
// NotMatch that none can have is always true.
func conditions(c dossier.Condition) (*blob.AccessConditions, error) {
	var fields blob.ModifiedAccessConditions
	switch {
	case c.IfAbsent:
		any := azcore.ETagAny
		fields.IfNoneMatch = &any
	case c.Match != "" && foreign(c.Match):
		return nil, fmt.Errorf("%w: %q is no version of this store", dossier.ErrPrecondition, c.Match)
	case c.Match != "":
		fields.IfMatch = etagOf(c.Match)
	case c.NotMatch != "" && !foreign(c.NotMatch):
		fields.IfNoneMatch = etagOf(c.NotMatch)
	default:
		return nil, nil
	}
	return &blob.AccessConditions{ModifiedAccessConditions: &fields}, nil
}

func etagOf(v dossier.Version) *azcore.ETag {
	tag := azcore.ETag(v)
	return &tag
}

// refused reports whether the service answered that the condition of a write does not hold.
func refused(err error, c dossier.Condition) bool {
	if c == (dossier.Condition{}) {
		return false
	}
	return hasCode(err, bloberror.BlobAlreadyExists, bloberror.ConditionNotMet, bloberror.TargetConditionNotMet) ||
		c.Match != "" && hasCode(err, bloberror.BlobNotFound)
}

// conditionError is the error of a condition that does not hold.
func conditionError(err error, c dossier.Condition) error {
	if !refused(err, c) {
		return err
	}
	if c.IfAbsent {
		return errors.Join(dossier.ErrExist, err)
	}
	return errors.Join(dossier.ErrPrecondition, err)
}
