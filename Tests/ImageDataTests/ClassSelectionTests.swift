import ImageData
import Testing

@Suite struct ClassSelectionTests {
    @Test(arguments: [
        ("all", Array(0..<10)), ("0-4", [0, 1, 2, 3, 4]), ("0,3,7", [0, 3, 7]),
        ("0-2,5", [0, 1, 2, 5]), ("7,0", [7, 0]), ("9,0-1", [9, 0, 1]), ("3-3,4", [3, 4]),
    ])
    func readsInTheOrderGiven(text: String, classes: [Int]) throws {
        let selection = try ClassSelection(parsing: text)
        #expect(try selection.indices(classCount: 10) == classes)
        #expect(try ClassSelection(parsing: selection.description) == selection)
    }

    @Test func rangesAndListsOfTheSameClassesAreEqual() throws {
        #expect(try ClassSelection(parsing: "0-2") == ClassSelection(parsing: "0,1,2"))
        #expect(try ClassSelection(parsing: "0-2").description == "0,1,2")
    }

    @Test(arguments: [
        ("", "cannot read ''"), (" ", "cannot read ' '"), ("ALL", "cannot read 'ALL'"),
        ("0,", "cannot read ''"), (",1", "cannot read ''"), ("0-", "cannot read '0-'"),
        ("-1,2", "cannot read '-1'"), ("0-1-2", "cannot read '0-1-2'"),
        ("+1,2", "cannot read '+1'"), ("0, 1", "cannot read ' 1'"),
        ("0,one", "cannot read 'one'"), ("٣,1", "cannot read '٣'"),
        ("0-99999999999999999999", "cannot read"), ("0-4000000000", "cannot read"),
        ("4-0", "runs backwards"), ("1,2,1", "class 1 is selected twice"),
        ("0-4,3", "class 3 is selected twice"), ("3", "fewer than two"), ("3-3", "fewer than two"),
    ])
    func refuses(text: String, because: String) {
        let error = #expect(throws: DatasetError.self) { try ClassSelection(parsing: text) }
        #expect(error?.code == .invalidRequest)
        #expect(error?.message.contains(because) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        ("all", [0, 1, 2, 3]), ("eel,cat", [2, 0]), ("\"dog, black\",cat,eel", [1, 0, 2]),
        ("\"all\",cat", [3, 0]), ("all,cat", [3, 0]),
    ])
    func namesAreOfTheLabels(text: String, classes: [Int]) throws {
        let names = ["cat", "dog, black", "eel", "all"]
        let selection = try ClassSelection(names: text)
        #expect(try selection.indices(classNames: names) == classes)
        #expect(try ClassSelection(names: selection.description) == selection)
    }

    @Test func rangesAreOfWholeNumbersThatAreThere() throws {
        let names = ["-3", "0", "2", "5", "10", "2-5"]
        func indices(_ text: String) throws -> [Int] {
            try ClassSelection(names: text).indices(classNames: names)
        }
        #expect(try indices("0-9") == [1, 2, 3])
        #expect(try indices("10,-3,0-1") == [4, 0, 1])
        let error = #expect(throws: DatasetError.self) { try indices("0-10,5-20") }
        #expect(error?.message.contains("class 5 is selected twice") == true)
        // A class by that name is meant first.
        #expect(try indices("2-5,10") == [5, 4])
    }

    @Test(arguments: [
        ("cat,yak", "no class yak; the labels are cat,dog,\"eel, small\""), ("cat", "only 1 class"),
        ("cat,dog,cat", "cat is selected twice"), ("cat,,dog", "cannot read the classes"),
        ("\"cat,dog", "cannot read the classes"), ("cat,Dog", "no class Dog"),
        ("7-9,cat", "no class 7-9"),
    ])
    func refusesNames(text: String, because: String) {
        let error = #expect(throws: DatasetError.self) {
            try ClassSelection(names: text).indices(classNames: ["cat", "dog", "eel, small"])
        }
        #expect(error?.code == .invalidRequest)
        #expect(error?.message.contains(because) == true, "\(error?.message ?? "")")
    }

    @Test func refusesClassesTheDataSetLacks() {
        for selection in [ClassSelection.listed([0, 10]), .listed([-1, 0])] {
            let error = #expect(throws: DatasetError.self) {
                try selection.indices(classCount: 10)
            }
            #expect(error?.message.contains("0 to 9") == true)
        }
        for selection in [ClassSelection.listed([]), .listed([1]), .listed([1, 1])] {
            #expect(throws: DatasetError.self) { try selection.indices(classCount: 10) }
        }
    }
}
