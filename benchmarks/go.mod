module github.com/dossier-go/dossier/benchmarks

go 1.26.0

replace github.com/dossier-go/dossier => ../
