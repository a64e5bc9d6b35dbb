package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// A store in a temporary folder, for the examples.
func exampleStore(cfg local.Config) (store *local.Backend, clean func()) {
	dir, err := os.MkdirTemp("", "dossier")
	if err != nil {
		log.Fatal(err)
	}
	if store, err = local.New(dir, cfg); err != nil {
		log.Fatal(err)
	}
	return store, func() {
		if err := errors.Join(store.Close(), os.RemoveAll(dir)); err != nil {
			log.Fatal(err)
		}
	}
}

func Example() {
	store, clean := exampleStore(local.Config{})
	defer clean()
	ctx := context.Background()

	info, err := store.Put(ctx, "letters/2026/offer.txt", dossier.BytesSource([]byte("Dear all")), dossier.PutOptions{
		If:     dossier.Condition{IfAbsent: true},
		Header: dossier.Header{ContentType: "text/plain"},
	})
	if err != nil {
		log.Fatal(err)
	}
	object, err := store.Get(ctx, info.Key, dossier.GetOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer object.Close()
	text, err := io.ReadAll(object)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(object.Size, object.Header.ContentType, string(text))
	// Output: 8 text/plain Dear all
}

// Versions make a change safe that depends on what was read.
func ExampleBackend_Put_compareAndSwap() {
	store, clean := exampleStore(local.Config{})
	defer clean()
	ctx := context.Background()
	first, err := store.Put(ctx, "counter", dossier.BytesSource([]byte("1")), dossier.PutOptions{})
	if err != nil {
		log.Fatal(err)
	}
	ifFirst := dossier.PutOptions{If: dossier.Condition{Match: first.Version}}
	_, err = store.Put(ctx, "counter", dossier.BytesSource([]byte("2")), ifFirst)
	fmt.Println(err)
	_, err = store.Put(ctx, "counter", dossier.BytesSource([]byte("2")), ifFirst)
	fmt.Println(errors.Is(err, dossier.ErrPrecondition))
	// Output:
	// <nil>
	// true
}

// A listing with a delimiter shows one level, like a folder.
func ExampleBackend_List() {
	store, clean := exampleStore(local.Config{Durability: local.Fast})
	defer clean()
	ctx := context.Background()
	for _, key := range []string{"a/1", "a/2", "b", "a-b"} {
		if _, err := store.Put(ctx, key, dossier.Source{}, dossier.PutOptions{}); err != nil {
			log.Fatal(err)
		}
	}
	for info, err := range store.List(ctx, dossier.ListOptions{Delimiter: "/"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(info.Key, info.IsPrefix)
	}
	// Output:
	// a-b false
	// a/ true
	// b false
}

// Parts may come in any order and from several processes.
func ExampleBackend_CompleteUpload() {
	store, clean := exampleStore(local.Config{})
	defer clean()
	ctx := context.Background()
	upload, err := store.CreateUpload(ctx, "film.mp4", dossier.PutOptions{})
	if err != nil {
		log.Fatal(err)
	}
	parts := make([]dossier.Part, 2)
	for _, number := range []int{2, 1} {
		content := fmt.Sprintf("part %d. ", number)
		if parts[number-1], err = store.PutPart(ctx, upload, number, dossier.BytesSource([]byte(content))); err != nil {
			log.Fatal(err)
		}
	}
	info, err := store.CompleteUpload(ctx, upload, parts)
	if err != nil {
		log.Fatal(err)
	}
	content, err := dossier.ReadAll(ctx, store, info.Key, 1<<20)
	fmt.Printf("%q %v\n", content, err)
	// Output: "part 1. part 2. " <nil>
}

// What killed processes left is removed now and then.
func ExampleBackend_Reclaim() {
	store, clean := exampleStore(local.Config{})
	defer clean()
	ctx := context.Background()
	if _, err := store.CreateUpload(ctx, "abandoned", dossier.PutOptions{}); err != nil {
		log.Fatal(err)
	}
	young, err := store.Reclaim(ctx, 24*time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	all, err := store.Reclaim(ctx, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(young.Uploads, all.Uploads)
	// Output: 0 1
}
