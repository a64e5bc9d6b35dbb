module github.com/dossier-go/dossier/tools/testcount

go 1.26.0
