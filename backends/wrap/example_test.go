package wrap_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/backends/wrap"
)

// A tenant gets a part of the store as a store of its own.
func ExamplePrefix() {
	ctx := context.Background()
	whole := memory.New(memory.Config{Name: "uploads"})
	tenant, err := wrap.Prefix(whole, "tenant-7")
	if err != nil {
		fmt.Println(err)
		return
	}
	info, err := tenant.Put(ctx, "plan.txt", dossier.BytesSource([]byte("content")), dossier.PutOptions{})
	fmt.Println(info.Key, err)
	for object, err := range dossier.List(ctx, whole, dossier.ListOptions{}) {
		fmt.Println(object.Key, err)
	}
	fmt.Println(tenant.Describe().Store)
	// Output:
	// plan.txt <nil>
	// tenant-7/plan.txt <nil>
	// mem:uploads/tenant-7
}

// Whoever only reads cannot change anything, whatever the store would allow.
func ExampleReadOnly() {
	ctx := context.Background()
	store := memory.New(memory.Config{})
	if _, err := store.Put(ctx, "plan.txt", dossier.BytesSource([]byte("content")), dossier.PutOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	reader := wrap.ReadOnly(store)
	content, err := dossier.ReadAll(ctx, reader, "plan.txt", 0)
	fmt.Println(string(content), err)
	err = reader.Delete(ctx, "plan.txt", dossier.DeleteOptions{})
	fmt.Println(errors.Is(err, dossier.ErrPermission))
	// Output:
	// content <nil>
	// true
}
