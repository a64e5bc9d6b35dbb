package dossier_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
)

func ExampleAs() {
	b := memory.New(memory.Config{})
	_, moves := dossier.As[dossier.Mover](b)
	_, lists := dossier.As[dossier.Lister](&shelf{}) // only the five required methods
	fmt.Println(moves, lists)
	// Output: true false
}

func ExampleMove() {
	ctx, b := context.Background(), memory.New(memory.Config{})
	_, _ = b.Put(ctx, "inbox/plan.txt", dossier.BytesSource([]byte("the plan")), dossier.PutOptions{})
	info, err := dossier.Move(ctx, b, "archive/plan.txt", "inbox/plan.txt", dossier.CopyOptions{})
	fmt.Println(info.Key, err)
	_, err = b.Stat(ctx, "inbox/plan.txt")
	fmt.Println(errors.Is(err, dossier.ErrNotExist))
	// Output:
	// archive/plan.txt <nil>
	// true
}

func ExampleSignURLs() {
	signer, _ := dossier.NewSigner(dossier.SigningKey{ID: "2026", Secret: secret(1)}) // 32 bytes from a random source
	b := memory.New(memory.Config{Signer: signer, BaseURL: "https://files.example"})
	signed, err := dossier.SignURLs(context.Background(), b, dossier.SignRequest{
		Method: "PUT", Key: "plan.pdf", TTL: time.Hour, ContentType: "application/pdf", MaxLength: 1 << 20,
	})
	fmt.Println(signed[0].Method, signed[0].Header, err)
	_, err = dossier.SignURLs(context.Background(), &shelf{}, dossier.SignRequest{Key: "plan.pdf", TTL: time.Hour})
	fmt.Println(errors.Is(err, errors.ErrUnsupported))
	// Output:
	// PUT map[Content-Type:[application/pdf]] <nil>
	// true
}

func ExampleSignForm() {
	signer, _ := dossier.NewSigner(dossier.SigningKey{ID: "2026", Secret: secret(1)})
	b := memory.New(memory.Config{Signer: signer, BaseURL: "https://files.example"})
	form, err := dossier.SignForm(context.Background(), b, dossier.FormRequest{Key: "plan.pdf", TTL: time.Hour, MaxLength: 1 << 20})
	fmt.Println(form.URL, err)
	for _, field := range form.Fields {
		fmt.Println(field.Name)
	}
	// Output:
	// https://files.example/ <nil>
	// key
	// X-Dossier-Expires
	// X-Dossier-Key-Id
	// X-Dossier-Max-Length
	// X-Dossier-Signature
}

// A number in an object, changed only by who saw its last version.
func ExampleCondition() {
	ctx, b := context.Background(), memory.New(memory.Config{})
	first, _ := b.Put(ctx, "counter", dossier.BytesSource([]byte("1")), dossier.PutOptions{})
	swap := dossier.PutOptions{If: dossier.Condition{Match: first.Version}}
	_, err := b.Put(ctx, "counter", dossier.BytesSource([]byte("2")), swap)
	fmt.Println(err)
	_, err = b.Put(ctx, "counter", dossier.BytesSource([]byte("3")), swap) // the version is stale now
	fmt.Println(errors.Is(err, dossier.ErrPrecondition))
	// Output:
	// <nil>
	// true
}
