package gcs

import (
	"errors"
	"sync"
)

// each calls do for each number below n, at most most of them at once, and returns all errors.
func each(n, most int, do func(i int) error) error {
	errs := make([]error, n)
	var group sync.WaitGroup
	free := make(chan struct{}, most)
	for i := range n {
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			errs[i] = do(i)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}
