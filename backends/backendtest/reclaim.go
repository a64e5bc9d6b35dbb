package backendtest

import (
	"errors"
	"io"
	"time"

	"github.com/dossier-go/dossier"
)

func reclaimCases() []contractCase {
	return []contractCase{
		{
			name: "reclaim/no object", groups: []int{84, 58}, extensions: []extension{reclaimer}, run: reclaimNoObject,
			sentence: "Reclaim never removes an object.",
		},
		{
			name: "reclaim/nothing in use", groups: []int{84}, extensions: []extension{reclaimer}, run: reclaimNothingInUse,
			sentence: "Reclaim never removes anything that a living process is writing.",
		},
		{
			name: "reclaim/fresh uploads stay", groups: []int{84}, needs: dossier.Multipart, extensions: []extension{reclaimer, uploader},
			run:      reclaimByAge,
			sentence: "Reclaim leaves what was touched within olderThan.",
		},
	}
}

func (t *trial) reclaim(olderThan time.Duration) dossier.ReclaimReport {
	t.Helper()
	r, _ := dossier.As[dossier.Reclaimer](t.backend)
	report, err := r.Reclaim(t.ctx, olderThan)
	if err != nil {
		t.Errorf("reclaim: %v", err)
	}
	return report
}

func reclaimNoObject(t *trial) {
	keys := t.goodKeys()
	for _, key := range keys {
		t.put(key, "content of "+key)
	}
	for _, age := range []time.Duration{time.Hour, 0} {
		if report := t.reclaim(age); report != (dossier.ReclaimReport{}) {
			t.Errorf("reclaimed %+v where nothing was left", report)
		}
	}
	for _, key := range keys {
		t.holds(key, "content of "+key)
	}
}

func reclaimNothingInUse(t *trial) {
	reader, writer := io.Pipe()
	result := make(chan error, 1)
	go func() {
		_, err := t.backend.Put(t.ctx, "a", dossier.ReaderSource(reader, -1), dossier.PutOptions{})
		reader.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // a failed Put must not block the writer
		result <- err
	}()
	content := pattern("in use", 2*t.harness.unit())
	write := func(text string) {
		if _, err := io.WriteString(writer, text); err != nil {
			t.Errorf("the Put ended early: %v", err)
		}
	}
	write(content[:100])
	write(content[100:])
	t.reclaim(0)
	write("end")
	writer.Close()
	if err := <-result; err != nil {
		t.Fatalf("put: %v", err)
	}
	t.holds("a", content+"end")
}

func reclaimByAge(t *trial) {
	upload := t.create("a", dossier.PutOptions{})
	part := t.part(upload, 1, "content")
	if report := t.reclaim(time.Hour); report != (dossier.ReclaimReport{}) {
		t.Errorf("reclaimed %+v of what is fresh", report)
	}
	t.unchanged(t.complete(upload, part), "content")
}
