package dossier_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
)

// A capability without a name would vanish from errors and reports; the last one is the border.
func TestEveryCapabilityHasAName(t *testing.T) {
	t.Parallel()
	all := dossier.Multipart<<1 - 1
	names := strings.Split(all.String(), ",")
	seen := map[string]bool{}
	for _, name := range names {
		if name == "" || seen[name] {
			t.Errorf("the name %q is empty or given twice", name)
		}
		seen[name] = true
	}
	if len(names) != 24 || names[0] != "PutIfAbsent" || names[23] != "Multipart" {
		t.Errorf("%d names from %s to %s", len(names), names[0], names[len(names)-1])
	}
}

// Has asks for all of several: a caller that needs two must not be content with one.
func TestHasMeansEveryBit(t *testing.T) {
	t.Parallel()
	c := dossier.SignGet | dossier.SignPut
	if !c.Has(dossier.SignGet) || !c.Has(c) || !c.Has(0) || c.Has(dossier.SignGet|dossier.SignPost) || c.Has(dossier.Durable) {
		t.Error("Has is wrong")
	}
}

func ExampleCapabilities() {
	c := dossier.PutIfAbsent | dossier.SignGet
	fmt.Println(c, c.Has(dossier.SignGet), c.Has(dossier.SignGet|dossier.SignPut))
	// Output: PutIfAbsent,SignGet true false
}
