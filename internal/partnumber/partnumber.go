// Package partnumber checks the numbers of the parts of a multipart upload.
package partnumber

import "fmt"

// Problem says what is wrong with the numbers of parts, which run from 1 to most and are named in ascending order;
// "" means nothing.
func Problem(most int, numbers ...int) string {
	last := 0
	for _, number := range numbers {
		if number < 1 || number > most {
			return fmt.Sprintf("part %d; parts are numbered 1 to %d", number, most)
		}
		if number <= last {
			return fmt.Sprintf("part %d after part %d; name parts in ascending order, each once", number, last)
		}
		last = number
	}
	return ""
}
