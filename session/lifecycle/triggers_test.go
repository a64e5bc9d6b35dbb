package lifecycle_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/dossier-go/dossier/session"
)

// underTriggers are the cases of the matrix in which the orders of sessions and triggers meet: one for each way in which a file
// enters a row, leaves it, moves, or comes back by a rollback.
var underTriggers = []string{
	"insert", "replace twice", "clear", "delete", "list remove", "list reorder", "same reference on a second row",
	"move to another row",
	"swap of two columns of one row", "savepoint rolled back, then outer commit", "file of an undone savepoint used outside",
	"staged, then inserted", "bulk delete", "bulk clear", "everything undone", "deferred foreign key fails the COMMIT",
}

// Sessions write their own orders and take them back. Triggers that do the same in the same transaction must make no
// difference: not to what is kept, not to when it goes, not to the counts of rows that sessions depend on. DOSSIER_LONG=1
// tries all cases of the matrix.
func TestLifeCycleMatrixWithTriggers(t *testing.T) {
	onEveryDatabase(t, testLifeCycleMatrixWithTriggers)
}

func testLifeCycleMatrixWithTriggers(t *testing.T) {
	t.Helper()
	t.Parallel()
	found := 0
	for i, c := range matrix() {
		if slices.Contains(underTriggers, c.name) {
			found++
		} else if os.Getenv("DOSSIER_LONG") != "1" {
			continue
		}
		delay := []time.Duration{session.AtOnce, 0}[i%2]
		t.Run(fmt.Sprintf("%s/%v", c.name, delay), func(t *testing.T) {
			t.Parallel()
			runMatrixCase(t, c, setup{options: session.Options{DeleteAfter: delay}, triggers: true})
		})
	}
	if found != len(underTriggers) {
		t.Errorf("the matrix has %d of the %d cases that are named here", found, len(underTriggers))
	}
}
