package querysign_test

import (
	"testing"
	"time"

	"github.com/dossier-go/dossier/internal/querysign"
)

func documented() (querysign.Credentials, querysign.Request) {
	return querysign.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		querysign.Request{
			Method: "GET", URLScheme: "https", Host: "examplebucket.s3.amazonaws.com", Path: "/test.txt",
			Time: time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC), Expires: 24 * time.Hour,
		}
}

// The example of "Authenticating Requests: Using Query Parameters" in Amazon's documentation.
func TestURLIsTheOneOfAmazonsDocumentation(t *testing.T) {
	cred, request := documented()
	want := "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE" +
		"%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
		"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
	signer := querysign.New(querysign.AWS(), "us-east-1")
	for range 2 { // the second with the kept key
		if got := signer.URL(cred, request); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
