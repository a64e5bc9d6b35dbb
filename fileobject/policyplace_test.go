package fileobject_test

import (
	"maps"
	"testing"

	"github.com/dossier-go/dossier/fileobject"
)

// Storage class, access control list and tags are asked for per column, as the bill is paid per kind of file.
func TestTagNamesClassACLAndTags(t *testing.T) {
	t.Parallel()
	policy, err := fileobject.ParsePolicy("archive,class:STANDARD_IA,acl:bucket-owner-full-control,tags:team=legal|year=2026")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"team": "legal", "year": "2026"}
	if policy.Class != "STANDARD_IA" || policy.ACL != "bucket-owner-full-control" || !maps.Equal(policy.Tags, want) {
		t.Errorf("%+v", policy)
	}
}
