// Package querysign signs URLs and POST policies with keys that are derived once a day: AWS Signature Version 4 in the query
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html) and Google's V4 signing process with an
// HMAC key or an RSA key (https://cloud.google.com/storage/docs/authentication/signatures). The two differ in names only.
//
// A URL costs about one microsecond and one allocation, because the canonical request is written by hand into a kept buffer
// and the HMAC state of the day's key is kept too. The result is byte for byte that of the vendors' own signers.
//
// The package checks nothing of what it signs, and makes no request of its own.
package querysign

// Scheme holds the names in which the signatures of the vendors differ.
type Scheme struct {
	// Algorithm is the value of the parameter and the first line of the string to sign: "AWS4-HMAC-SHA256".
	Algorithm string
	// Parameter begins the names of the query parameters: "X-Amz".
	Parameter string
	// Secret goes in front of the secret of an HMAC key: "AWS4". Default: "", for schemes with an RSA key.
	Secret string
	// Terminator ends the credential scope: "aws4_request".
	Terminator string
	// Service in the credential scope: "s3".
	Service string
}

// AWS is Signature Version 4 of Amazon S3. Servers that are compatible with S3 take it too.
func AWS() Scheme {
	return Scheme{Algorithm: "AWS4-HMAC-SHA256", Parameter: "X-Amz", Secret: "AWS4", Terminator: "aws4_request", Service: "s3"}
}

// Google is V4 of Google Cloud Storage with an HMAC key. Its region is "auto".
func Google() Scheme {
	scheme := GoogleRSA()
	scheme.Algorithm, scheme.Secret = "GOOG4-HMAC-SHA256", "GOOG4"
	return scheme
}

// GoogleRSA is V4 of Google Cloud Storage with the RSA key of a service account. Its region is "auto".
func GoogleRSA() Scheme {
	return Scheme{Algorithm: "GOOG4-RSA-SHA256", Parameter: "X-Goog", Terminator: "goog4_request", Service: "storage"}
}

// Credentials of an HMAC key.
type Credentials struct {
	// AccessKeyID appears in what is signed.
	AccessKeyID string
	// Secret never does.
	Secret string
	// SessionToken of temporary credentials, which appears in what is signed. Default: "", the key is permanent.
	SessionToken string
}

// String hides the secrets.
func (c Credentials) String() string { return "Credentials(" + c.AccessKeyID + ")" }

// GoString hides the secrets.
func (c Credentials) GoString() string { return c.String() }
