package lifecycle_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dossier-go/dossier/session"
)

// Sessions write their own orders and take them back. Triggers that do the same in the same transaction must make no
// difference: not to what is kept, not to when it goes, not to the counts of rows that sessions depend on.
func TestLifeCycleMatrixWithTriggers(t *testing.T) {
	onEveryDatabase(t, testLifeCycleMatrixWithTriggers)
}

func testLifeCycleMatrixWithTriggers(t *testing.T) {
	t.Helper()
	t.Parallel()
	for i, c := range matrix() {
		delay := []time.Duration{session.AtOnce, 0}[i%2]
		t.Run(fmt.Sprintf("%s/%v", c.name, delay), func(t *testing.T) {
			t.Parallel()
			runMatrixCase(t, c, setup{options: session.Options{DeleteAfter: delay}, triggers: true})
		})
	}
}
