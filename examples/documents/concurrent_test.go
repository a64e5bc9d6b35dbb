package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// Of many who replace a file at the same time one wins and the others are told; nobody's bytes are lost without a word,
// and what lost is not kept. All have read the document before any of them writes: the store holds them up until then.
func TestConcurrentReplaceHasOneWinner(t *testing.T) {
	t.Parallel()
	const writers = 6
	s := newService(t, 0)
	doc := s.create(field{"file", "f", "before"})
	path := "/api/documents/" + doc.ID.String()
	var all sync.WaitGroup
	all.Add(writers)
	s.points.At("put.before", 0, func(context.Context) error {
		all.Done()
		all.Wait()
		return nil
	})
	replies := make([]reply, writers)
	var group sync.WaitGroup
	for i := range replies {
		group.Go(func() { replies[i] = s.upload("PUT", path+"/file", field{"file", "f", fmt.Sprint("content ", i)}) })
	}
	group.Wait()
	winner := -1
	for i, r := range replies {
		if r.status == http.StatusOK && winner < 0 {
			winner = i
			continue
		}
		r.wantProblem(http.StatusConflict)
	}
	if got := s.do("GET", path+"/file", nil); string(got.body) != fmt.Sprint("content ", winner) {
		t.Errorf("writer %d won and the file is %q", winner, got.body)
	}
	if r := s.judge(); r.Objects != 2 || len(r.Known) != 1 {
		t.Errorf("want the winner's file, and the old one until its time has come: %v", r)
	}
}

// Pages that are added at the same time are all there in the end: a list that is read, changed and written back would
// lose some.
func TestConcurrentPagesAreAllKept(t *testing.T) {
	t.Parallel()
	const writers = 8
	s := newService(t, 0)
	path := "/api/documents/" + s.create(field{"file", "f", "x"}).ID.String()
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			s.upload("POST", path+"/pages", field{"pages", fmt.Sprint(i, ".png"), pngBytes}).want(http.StatusOK)
		})
	}
	group.Wait()
	if doc := s.do("GET", path, nil).document(http.StatusOK); len(doc.Pages) != writers {
		t.Errorf("%d pages of %d are there", len(doc.Pages), writers)
	}
}
