package main

import (
	"fmt"
	"net/http"
	"strconv"
)

// Sizes of a page of the list.
const (
	defaultLimit = 24
	maxLimit     = 100
	maxOffset    = 1 << 40
)

// listView is one page of documents.
type listView struct {
	Documents []*documentView `json:"documents"`
	Total     int64           `json:"total"`
	Limit     int64           `json:"limit"`
	Offset    int64           `json:"offset"`
}

// list answers documents, the newest first: GET /api/documents?limit=24&offset=0.
func (a *app) list(w http.ResponseWriter, r *http.Request) error {
	limit, err := numberIn(r, "limit", defaultLimit, 1, maxLimit)
	if err != nil {
		return err
	}
	offset, err := numberIn(r, "offset", 0, 0, maxOffset)
	if err != nil {
		return err
	}
	var docs []*Document
	// The ids are UUIDv7: their order is that of creation, and the primary key's index has it already.
	total, err := a.db.NewSelect().Model(&docs).Order("id DESC").Limit(limit).Offset(offset).ScanAndCount(r.Context())
	if err != nil {
		return fmt.Errorf("list documents: %w", err)
	}
	view := listView{Documents: []*documentView{}, Total: total, Limit: limit, Offset: offset}
	for _, doc := range docs {
		one, err := viewOf(r.Context(), doc)
		if err != nil {
			return err
		}
		view.Documents = append(view.Documents, one)
	}
	return answerJSON(w, http.StatusOK, view)
}

// numberIn reads a whole number from the query.
func numberIn(r *http.Request, name string, standard, least, most int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return standard, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, badRequest(fmt.Sprintf("The parameter %s is a number from %d to %d.", name, least, most))
	}
	return n, nil
}
