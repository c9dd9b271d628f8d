module github.com/steersight/steersight

go 1.26.8
