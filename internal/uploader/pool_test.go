package uploader_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dossier-go/dossier/internal/uploader"
)

// However many uploads race for however few buffers, all of them end, and never more buffers are out than the budget.
func TestRacingUploadsKeepToTheBudget(t *testing.T) {
	t.Parallel()
	for _, buffers := range []int64{1, 2, 3} {
		t.Run(fmt.Sprint(buffers, " buffers"), func(t *testing.T) {
			t.Parallel()
			pool := uploader.NewPool(buffers*partSize, partSize)
			plan := smallPlan
			plan.MaxParts = 20 // so that parts grow to more than one buffer
			var uploads sync.WaitGroup
			for i := range 40 {
				uploads.Go(func() { raceOne(t, pool, plan, rand.New(rand.NewPCG(1, uint64(i)))) })
			}
			uploads.Wait()
			if pool.Free() != pool.Count() || pool.Waiting() > 0 || pool.Idle() > pool.Count() || pool.Slow() != 0 {
				t.Errorf("%d of %d free, %d wait, %d idle", pool.Free(), pool.Count(), pool.Waiting(), pool.Idle())
			}
		})
	}
}

// raceOne makes one upload, which may fail anywhere.
func raceOne(t *testing.T, pool *uploader.Pool, plan uploader.Plan, random *rand.Rand) {
	want := pattern(random.IntN(12 * partSize))
	steps := []string{whole, begin, putPart, complete, "", "", "", ""}
	target := &fakeTarget{fail: map[string]error{steps[random.IntN(len(steps))]: errInjected}}
	target.hook = func(context.Context, string) error {
		if free := pool.Free(); free < 0 || free > pool.Count() {
			t.Errorf("%d of %d buffers are free", free, pool.Count())
		}
		return nil
	}
	err := uploader.Upload(t.Context(), pool, plan, streamOf(want, -1), target)
	switch {
	case err == nil && !bytes.Equal(target.object, want):
		t.Errorf("%d of %d bytes arrived, or others", len(target.object), len(want))
	case err != nil && !errors.Is(err, errInjected):
		t.Error(err)
	}
	for _, err := range target.trouble {
		t.Error(err)
	}
}

// The pool hands out distinct buffers, no more than its budget, and each only once at a time.
func TestPoolNeverHandsOutMoreThanItsBudget(t *testing.T) {
	t.Parallel()
	const count = 4
	pool := uploader.NewPool(count*scratch+scratch/2, scratch)
	var mu sync.Mutex
	out := map[any]bool{}
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for range 200 {
				buffers, err := uploader.Acquire(t.Context(), pool, 1+i%3)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, b := range buffers {
					if out[b] {
						t.Error("a buffer was handed out twice")
					}
					out[b] = true
				}
				if len(out) > count {
					t.Errorf("%d buffers are out", len(out))
				}
				mu.Unlock()
				mu.Lock()
				for _, b := range buffers {
					delete(out, b)
				}
				mu.Unlock()
				uploader.Release(pool, buffers)
			}
		})
	}
	users.Wait()
}

// First come, first served: a wish for many buffers is not starved by small ones that come later.
func TestBuffersAreHandedOutInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := uploader.NewPool(3*scratch, scratch)
		one, _ := uploader.Acquire(t.Context(), pool, 1)
		served := make(chan int, 3)
		for i, count := range []int{3, 1, 2} {
			go func() {
				buffers, err := uploader.Acquire(t.Context(), pool, count)
				if err != nil {
					t.Error(err)
				}
				served <- i
				uploader.Release(pool, buffers)
			}()
			synctest.Wait()
		}
		if len(served) > 0 || pool.Waiting() != 3 {
			t.Fatalf("%d are served, %d wait", len(served), pool.Waiting())
		}
		uploader.Release(pool, one)
		if first := <-served; first != 0 { // the others are served at once, together
			t.Errorf("number %d is served first", first)
		}
		synctest.Wait()
		if len(served) != 2 {
			t.Errorf("%d of 2 are served afterwards", len(served))
		}
	})
}

// One who gives up at the front of the queue lets those behind pass.
func TestWithdrawingLetsOthersPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := uploader.NewPool(2*scratch, scratch)
		one, _ := uploader.Acquire(t.Context(), pool, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go uploader.Acquire(ctx, pool, 2)
		synctest.Wait()
		small := make(chan error, 1)
		go func() {
			buffers, err := uploader.Acquire(t.Context(), pool, 1)
			uploader.Release(pool, buffers)
			small <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-small; err != nil {
			t.Error(err)
		}
		uploader.Release(pool, one)
		synctest.Wait()
		if pool.Free() != 2 {
			t.Errorf("%d free", pool.Free())
		}
	})
}

// A source that sends nothing for long holds no buffer before it has sent a scratch, and one afterwards.
func TestSlowSourceHoldsAtMostOneBuffer(t *testing.T) {
	t.Parallel()
	for sent, want := range map[int]int{
		0: 0, scratch: 0, scratch + 1: 1, partSize: 1, 5*partSize + scratch: 0, 5*partSize + scratch + 1: 1,
	} {
		synctest.Test(t, func(t *testing.T) {
			pool, target := uploader.NewPool(8*partSize, partSize), &fakeTarget{}
			reader, writer := io.Pipe()
			answer := make(chan error, 1)
			go func() {
				answer <- uploader.Upload(t.Context(), pool, smallPlan, uploader.Source{Reader: reader, Size: -1}, target)
			}()
			writer.Write(pattern(sent))
			synctest.Wait()
			if held := pool.Count() - pool.Free(); held != want {
				t.Errorf("after %d bytes the stalled source holds %d buffers, want %d", sent, held, want)
			}
			writer.Close()
			if err := <-answer; err != nil {
				t.Error(err)
			}
			target.check(t, pool)
		})
	}
}

// Slow sources do not hold up the others, however many there are and however long they take: half of the buffers is
// not for them. They get through as well.
func TestSlowSourcesDoNotStarveFastOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := uploader.NewPool(4*partSize, partSize)
		var slow sync.WaitGroup
		targets := make([]fakeTarget, 20)
		for i := range targets {
			slow.Go(func() {
				reader := &slowReader{bytes.NewReader(pattern(2*partSize - 1))}
				if err := uploader.Upload(t.Context(), pool, smallPlan, uploader.Source{Reader: reader, Size: -1}, &targets[i]); err != nil {
					t.Error(err)
				}
			})
		}
		<-time.After(3 * time.Minute) // all have filled a scratch by now, and none a part
		synctest.Wait()
		if pool.Slow() != 2 || pool.Waiting() != 18 {
			t.Errorf("%d slow sources fill a buffer, %d uploads wait", pool.Slow(), pool.Waiting())
		}
		began, target := time.Now(), &fakeTarget{}
		if err := uploader.Upload(t.Context(), pool, smallPlan, streamOf(pattern(10*partSize), -1), target); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("a fast source waited for %v behind slow ones", waited)
		}
		slow.Wait()
		target.check(t, pool)
		if pool.Slow() != 0 {
			t.Errorf("%d buffers still count as slow", pool.Slow())
		}
	})
}

// slowReader has a KiB every two seconds.
type slowReader struct{ io.Reader }

func (r *slowReader) Read(p []byte) (int, error) {
	<-time.After(2 * time.Second)
	return r.Reader.Read(p[:min(len(p), 1<<10)])
}

// A pool that is not used gives its memory back, and one that is used does not.
func TestIdlePoolForgetsItsBuffers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := uploader.NewPool(4*scratch, scratch)
		some, _ := uploader.Acquire(t.Context(), pool, 2)
		one, _ := uploader.Acquire(t.Context(), pool, 1)
		uploader.Release(pool, some)
		<-time.After(time.Hour)
		if pool.Idle() != 2 {
			t.Errorf("%d buffers are kept while one is in use", pool.Idle())
		}
		uploader.Release(pool, one)
		<-time.After(time.Second)
		if pool.Idle() != 3 {
			t.Errorf("%d buffers are kept at once after use", pool.Idle())
		}
		<-time.After(time.Hour)
		if pool.Idle() != 0 || pool.Free() != 4 {
			t.Errorf("%d buffers are kept in an idle pool, %d free", pool.Idle(), pool.Free())
		}
	})
}
