package main

import (
	"context"
	"log"
	"os"
)

// The program of the README does what the README says.
func Example() {
	dir, err := os.MkdirTemp("", "quickstart")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(context.Background(), dir); err != nil {
		log.Print(err)
	}
	// Output: Plan: plan.txt, text/plain; charset=utf-8, 9 bytes: version 2
}
