import Glibc
import Parts

/// `CountedParts NAME TIMES` does the work of one part so often, `CountedParts` lists their names.
/// The difference of two counts is what repetitions cost, without the start of the process.
@main
struct CountedParts {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let part = Part.named(arguments[1]),
            let times = Int(arguments[2])
        else {
            for part in Part.all { print(part.name) }
            exit(arguments.count == 1 ? 0 : 2)
        }
        let work = part.prepare()
        // Caches of the runtime fill at the first time.
        work(10)
        work(times)
    }
}
