package partnumber_test

import (
	"fmt"
	"testing"

	"github.com/dossier-go/dossier/internal/partnumber"
)

// TestProblemNamesWhatIsWrong: a store that joined parts in another order than the caller meant would make a
// corrupt object without an error.
func TestProblemNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		numbers []int
		want    string
	}{
		{nil, ""},
		{[]int{1}, ""},
		{[]int{1, 2, 10}, ""},
		{[]int{3, 10}, ""},
		{[]int{0}, "part 0; parts are numbered 1 to 10"},
		{[]int{-1}, "part -1; parts are numbered 1 to 10"},
		{[]int{11}, "part 11; parts are numbered 1 to 10"},
		{[]int{2, 1}, "part 1 after part 2; name parts in ascending order, each once"},
		{[]int{2, 2}, "part 2 after part 2; name parts in ascending order, each once"},
	} {
		if got := partnumber.Problem(10, c.numbers...); got != c.want {
			t.Errorf("Problem(10, %v) = %q, want %q", c.numbers, got, c.want)
		}
	}
}

func ExampleProblem() {
	fmt.Println(partnumber.Problem(10_000, 1, 3, 2))
	// Output: part 2 after part 3; name parts in ascending order, each once
}
