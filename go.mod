module github.com/polybolt/polybolt

go 1.26

ignore (
	./examples-js
	./examples-python
	./shells/node/node_modules
	./host/ui/web/node_modules
)
