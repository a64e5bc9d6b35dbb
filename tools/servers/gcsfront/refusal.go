package gcsfront

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
)

// refusal is an error answer. Codes of the XML API are those of https://cloud.google.com/storage/docs/xml-api/reference-status.
type refusal struct {
	status        int
	code, message string
}

func refuse(status int, code, format string, arguments ...any) *refusal {
	return &refusal{status, code, fmt.Sprintf(format, arguments...)}
}

// write answers in the form of the API that was asked.
func (e *refusal) write(w http.ResponseWriter, t target) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	if e.status == http.StatusNotModified {
		w.WriteHeader(e.status)
		return
	}
	if t.api == jsonAPI {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		w.WriteHeader(e.status)
		json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
			"code": e.status, "message": e.message,
			"errors": []map[string]string{{"domain": "global", "reason": e.code, "message": e.message}},
		}})
		return
	}
	w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
	w.WriteHeader(e.status)
	fmt.Fprint(w, "<?xml version='1.0' encoding='UTF-8'?>")
	xml.NewEncoder(w).Encode(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: e.code, Message: e.message})
}
