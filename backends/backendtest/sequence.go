package backendtest

import (
	"iter"
	"sync"
)

// firstError returns the first error of a sequence.
func firstError[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// collect returns the values of a sequence up to its first error.
func collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for value, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, value)
	}
	return all, nil
}

// together runs do n times at once and waits for all.
func together(n int, do func(i int)) {
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	group.Wait()
}
