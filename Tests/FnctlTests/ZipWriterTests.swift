import Foundation
import Testing

@testable import fnctl

@Suite struct ZipWriterTests {
    @Test func pythonReadsWhatWasWritten() async throws {
        try await withTemporaryFolder { folder in
            var writer = ZipWriter()
            try writer.add(path: "index.py", content: Array("print('grüezi')\n".utf8))
            try writer.add(
                path: "lib/tool ü.sh", content: Array("#!/bin/sh\n".utf8), executable: true)
            try writer.add(path: "empty", content: [])
            let blob = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try writer.add(path: "blob.bin", content: blob)
            let file = folder.appending(path: "bundle.zip")
            try Data(writer.finish()).write(to: file)

            let listing = try python(
                """
                import sys, zipfile, zlib
                archive = zipfile.ZipFile(sys.argv[1])
                assert archive.testzip() is None
                for entry in archive.infolist():
                    data = archive.read(entry)
                    print(entry.filename, oct(entry.external_attr >> 16), len(data), zlib.crc32(data), entry.date_time[0])
                print(archive.read("index.py").decode(), end="")
                """, file.filePath)

            let lines = listing.split(separator: "\n").map(String.init)
            try #require(lines.count == 5)
            #expect(lines[0].hasPrefix("index.py 0o100644 17 "))
            #expect(lines[1].hasPrefix("lib/tool ü.sh 0o100755 10 "))
            #expect(lines[2] == "empty 0o100644 0 0 1980")
            #expect(lines[3] == "blob.bin 0o100644 70000 \(CRC32.checksum(blob)) 1980")
            #expect(lines[4] == "print('grüezi')")
        }
    }

    @Test func anArchiveWithoutFilesIsStillAnArchive() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "empty.zip")
            try Data(ZipWriter().finish()).write(to: file)
            let count = try python(
                "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))",
                file.filePath)
            #expect(count == "0\n")
        }
    }

    @Test func theChecksumIsThatOfTheStandard() {
        // The check value of CRC-32/ISO-HDLC.
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xCBF4_3926)
    }

    @Test func theSameFilesMakeTheSameBytes() throws {
        func archive() throws -> [UInt8] {
            var writer = ZipWriter()
            try writer.add(path: "a", content: [1, 2, 3])
            return writer.finish()
        }
        #expect(try archive() == archive())
    }
}
