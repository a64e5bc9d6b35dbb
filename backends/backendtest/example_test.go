package backendtest_test

import (
	"fmt"

	"github.com/dossier-go/dossier/backends/backendtest"
)

func ExampleGroups() {
	for _, g := range backendtest.Groups() {
		if g.Number == 17 {
			fmt.Println(g.Title, g.Cases[0])
		}
	}
	// Output: create-only race condition/create-only race
}
